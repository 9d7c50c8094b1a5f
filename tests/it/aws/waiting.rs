//! Waiting ends: the logic by itself, without a network, on a clock that only counts.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use nodebake::cloud::eni::{self, Desk, Network, VpcSubnet, Want};
use nodebake::cloud::{Clock, Ec2, Filter, Instance, Interface, Kind, NewInterface, RouteTable, Subnet, Trouble};

/// Counts the seconds that were slept.
#[derive(Default)]
struct Counted(Cell<f64>);

impl Clock for Counted {
    fn now(&self) -> i64 {
        0
    }
    fn sleep(&self, time: Duration) {
        self.0.set(self.0.get() + time.as_secs_f64());
    }
    fn dice(&self) -> f64 {
        1.0
    }
}

/// An EC2 that makes interfaces which stay as `looks` says.
struct Stuck {
    status: Option<&'static str>,
    made: RefCell<Vec<NewInterface>>,
}

impl Ec2 for Stuck {
    fn vpc_cidrs(&self, _: &str) -> Result<Vec<String>, Trouble> {
        Ok(Vec::new())
    }
    fn subnets(&self, _: &str) -> Result<Vec<Subnet>, Trouble> {
        Ok(Vec::new())
    }
    fn route_tables(&self, _: &str) -> Result<Vec<RouteTable>, Trouble> {
        Ok(Vec::new())
    }
    fn interfaces(&self, _: &[Filter]) -> Result<Vec<Interface>, Trouble> {
        Ok(Vec::new())
    }
    fn interface(&self, id: &str) -> Result<Interface, Trouble> {
        match self.status {
            None => Err(Trouble::new(Kind::NotFound, "not known").code("InvalidNetworkInterfaceID.NotFound")),
            Some(status) => Ok(Interface {
                id: id.into(),
                status: status.into(),
                ..Interface::default()
            }),
        }
    }
    fn create_interface(&self, new: &NewInterface) -> Result<Interface, Trouble> {
        self.made.borrow_mut().push(new.clone());
        Ok(Interface {
            id: format!("eni-{}", self.made.borrow().len()),
            ..Interface::default()
        })
    }
    fn attach_interface(&self, _: &str, _: &str, _: u32) -> Result<String, Trouble> {
        Err(Trouble::new(Kind::Refused, "not here"))
    }
    fn detach_interface(&self, _: &str) -> Result<(), Trouble> {
        Err(Trouble::new(Kind::Refused, "not here"))
    }
    fn delete_interface(&self, _: &str) -> Result<(), Trouble> {
        Err(Trouble::new(Kind::Refused, "not here"))
    }
    fn instance(&self, _: &str) -> Result<Instance, Trouble> {
        Err(Trouble::new(Kind::NotFound, "not here"))
    }
}

/// Makes an interface that stays so; gives the trouble, the calls, and the seconds.
fn stuck(status: Option<&'static str>) -> (Trouble, Vec<NewInterface>, f64) {
    let (ec2, clock) = (
        Stuck {
            status,
            made: RefCell::default(),
        },
        Counted::default(),
    );
    let desk = Desk {
        ec2: &ec2,
        clock: &clock,
        told: &|_| {},
    };
    let want = Want {
        cluster: "gh62".into(),
        node: "a10-01".into(),
        address: None,
        subnet: None,
        attach: None,
    };
    let network = Network {
        vpc: "vpc-1".into(),
        group: "sg-1".into(),
        subnets: vec![VpcSubnet {
            id: "subnet-1".into(),
            zone: None,
            cidr: "10.0.0.0/24".parse().unwrap(),
            private: Some(true),
            free: None,
        }],
    };
    let decided = eni::decide(&desk, want, network).unwrap();
    let trouble = eni::carry_out(&desk, &decided).unwrap_err();
    (trouble, ec2.made.into_inner(), clock.0.get())
}

/// What never gets available is given up after three minutes, and nothing else is made.
#[test]
fn never_available() {
    let (trouble, made, seconds) = stuck(Some("pending"));
    assert_eq!((trouble.kind, made.len()), (Kind::Unknown, 1));
    assert!(trouble.hint.unwrap().contains("run the same command again"));
    assert!((150.0..220.0).contains(&seconds), "{seconds}");
}

/// What stays unknown counts as deleted: its token is used up, and each further call has one of its own, five in all.
#[test]
fn never_known() {
    let (trouble, made, _) = stuck(None);
    assert_eq!(trouble.kind, Kind::NotFound);
    let tokens: std::collections::BTreeSet<&str> = made.iter().map(|new| new.token.as_str()).collect();
    assert_eq!((made.len(), tokens.len()), (5, 5));
}

/// A token is the same on every machine and day, is another one for another node, and fits EC2's 64 characters.
#[test]
fn tokens() {
    let token = eni::token("gh62", "a10-01", 0);
    assert_eq!(token, "nodebake-c411a99e72a67153ace26e7debdc00645432e6b663958b8f");
    assert_eq!(token, eni::token("gh62", "a10-01", 0));
    for other in [
        eni::token("gh62", "a10-02", 0),
        eni::token("gh6", "2a10-01", 0),
        eni::token("gh62", "a10-01", 1),
    ] {
        assert_ne!(token, other);
    }
    assert!(token.len() <= 64 && token.is_ascii());
}
