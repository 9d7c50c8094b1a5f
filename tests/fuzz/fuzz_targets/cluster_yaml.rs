#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| inputs::cluster_yaml(data));

#[path = "../inputs.rs"]
mod inputs;
