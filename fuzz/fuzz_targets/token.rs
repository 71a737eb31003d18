#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pushward_fuzz::run(&pushward_fuzz::token::TARGET, data));
