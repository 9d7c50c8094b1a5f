#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| inputs::values(data));

#[path = "../inputs.rs"]
mod inputs;
