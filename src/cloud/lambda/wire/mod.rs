//! The API's JSON: what is sent, what comes back, and what its errors mean. Fields that are not read may come and go;
//! fields that are read must be what they are described as, and an answer that breaks this is refused with its path.

mod answers;
mod errors;
mod reader;
mod requests;

pub use answers::{
    data, file_systems, image_list, instance, instance_list, instance_types, launched, regions, restarted, ruleset,
    rulesets, ssh_key, ssh_keys, terminated,
};
pub use errors::refusal;
pub use requests::{create_ruleset, instance_ids, launch, rules, ssh_key as add_ssh_key};
