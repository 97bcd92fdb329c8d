#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rocketmq_engine_fuzz::message_batch(data));
