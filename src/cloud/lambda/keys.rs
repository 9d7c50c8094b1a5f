//! SSH keys.

use super::{Lambda, SshKey};
use crate::base::closest;
use crate::cloud::{Act, Kind, Plan, Trouble};

/// The longest the API takes.
const LONGEST: usize = 4096;

/// How often an addition is said.
const TRIES: u32 = 3;

/// Kinds of keys that OpenSSH logs in with.
const KINDS: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// Reads the one public key of a file. What is wrong is told without it: somebody may have named the private one.
pub fn public_key(text: &str) -> Result<String, String> {
    if text.contains("PRIVATE KEY") {
        return Err("is a private key: name the file beside it that ends with .pub".into());
    }
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return Err("does not hold exactly one public key".into());
    };
    if line.len() > LONGEST || line.chars().any(char::is_control) {
        return Err(format!("is no public key of at most {LONGEST} characters"));
    }
    let mut words = line.split_ascii_whitespace();
    let kind = words.next().unwrap_or_default();
    let body = words.next().unwrap_or_default();
    let tame = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    if !KINDS.contains(&kind) || body.len() < 32 || !body.bytes().all(tame) {
        return Err("holds no public key as OpenSSH writes it: KIND BASE64 COMMENT".into());
    }
    Ok(line.to_owned())
}

/// Whether two lines are the same key: comments may differ.
fn same(one: &str, other: &str) -> bool {
    let key = |line: &str| -> Vec<String> { line.split_ascii_whitespace().take(2).map(str::to_owned).collect() };
    key(one) == key(other)
}

/// What adding a key means. A name that stands for another key is refused: nothing says who else counts on it.
pub fn plan_add(keys: &[SshKey], name: &str, public_key: &str) -> Result<Plan, Trouble> {
    let mut plan = Plan::default();
    match keys.iter().find(|key| key.name == name) {
        Some(key) if same(&key.public_key, public_key) => plan.step(Act::Keep, format!("SSH key {name}"), []),
        Some(_) => {
            let message = format!("the account has another SSH key called {name}");
            return Err(Trouble::new(Kind::Exists, message).hint("choose another name, or delete that one first"));
        }
        None => {
            let twin = keys.iter().find(|key| same(&key.public_key, public_key));
            let note = twin.map(|key| format!("the account has the same key as {}", key.name));
            plan.step(Act::Create, format!("SSH key {name}"), note);
        }
    }
    Ok(plan)
}

/// Adds a key. After an answer that leaves open whether it is there, the list tells.
pub fn add(api: &dyn Lambda, name: &str, public_key: &str) -> Result<(), Trouble> {
    let mut tried = 0;
    loop {
        tried += 1;
        let Err(trouble) = api.add_ssh_key(name, public_key) else {
            return Ok(());
        };
        if !matches!(trouble.kind, Kind::Unknown | Kind::Malformed | Kind::Exists) {
            return Err(trouble);
        }
        if plan_add(&api.ssh_keys()?, name, public_key)?.is_done() {
            return Ok(());
        }
        if tried >= TRIES || trouble.kind != Kind::Unknown {
            return Err(trouble);
        }
    }
}

/// The key of a name or id.
pub fn find<'k>(keys: &'k [SshKey], name: &str) -> Option<&'k SshKey> {
    keys.iter()
        .find(|key| key.name == name)
        .or_else(|| keys.iter().find(|key| key.id == name))
}

/// Which name was meant, perhaps.
pub fn near<'k>(keys: &'k [SshKey], name: &str) -> Option<&'k str> {
    closest(name, keys.iter().map(|key| key.name.as_str()))
}

/// Deletes a key. One that is gone is fine.
pub fn delete(api: &dyn Lambda, id: &str) -> Result<(), Trouble> {
    match api.delete_ssh_key(id) {
        Err(trouble) if trouble.kind != Kind::NotFound => Err(trouble),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICN+lJwsONkwrdsSnQsu1ydUkIuIg5oOC+Eslvmtt60T";

    #[test]
    fn only_one_public_key() {
        assert_eq!(
            public_key(&format!("# mine\n{KEY} me@home\n")).unwrap(),
            format!("{KEY} me@home")
        );
        let private = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n";
        for bad in [
            private.to_owned(),
            String::new(),
            format!("{KEY}\n{KEY}"),
            "ssh-dss AAAAB3NzaC1kc3MAAACBAAAAC3NzaC1lZDI1NTE5".into(),
            "ssh-ed25519 short".into(),
            format!("{KEY} {}", "x".repeat(LONGEST)),
        ] {
            let why = public_key(&bad).unwrap_err();
            assert!(!why.contains("c2VjcmV0"), "{why}");
        }
    }

    #[test]
    fn a_name_is_never_given_another_key() {
        let key = |name: &str, public_key: &str| SshKey {
            id: "1".into(),
            name: name.into(),
            public_key: public_key.into(),
        };
        let other = KEY.replace("CN+l", "CN+m");
        let keys = [key("mine", &format!("{KEY} a"))];
        assert!(plan_add(&keys, "mine", &format!("{KEY} b")).unwrap().is_done());
        assert_eq!(plan_add(&keys, "mine", &other).unwrap_err().kind, Kind::Exists);
        let twin = plan_add(&keys, "new", KEY).unwrap();
        assert!(twin.to_string().contains("the same key as mine"), "{twin}");
    }
}
