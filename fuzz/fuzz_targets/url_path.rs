#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pushward_fuzz::run(&pushward_fuzz::url_path::TARGET, data));
