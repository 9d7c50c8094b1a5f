//! AWS: who asks, where, and what went wrong.

#[cfg(feature = "aws")]
mod asking;
pub mod credentials;
#[cfg(feature = "aws")]
mod ec2;
#[cfg(feature = "aws")]
mod eks;
#[cfg(feature = "aws")]
mod instances;
pub mod session;
mod sts;
mod trouble;

#[cfg(feature = "aws")]
pub use asking::Session;
#[cfg(feature = "aws")]
pub use ec2::Ec2Calls;
#[cfg(feature = "aws")]
pub use eks::EksCalls;
#[cfg(feature = "aws")]
pub use instances::InstanceCalls;

/// What the user says about who asks. What is left out comes from where the AWS CLI takes it: the environment, the
/// configuration files, SSO, a role, the instance.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// The profile.
    pub profile: Option<String>,
    /// The region.
    pub region: Option<String>,
}
