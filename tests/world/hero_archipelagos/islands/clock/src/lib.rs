//! Keeps state between calls, and hands out an object.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
pub struct Clock {
    ticks: u32,
}

#[wasm_bindgen]
impl Clock {
    #[wasm_bindgen(constructor)]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Clock {
        Clock { ticks: 0 }
    }

    pub fn tick(&mut self) -> u32 {
        self.ticks += 1;
        self.ticks
    }
}

#[wasm_bindgen]
pub fn mount(id: &str) -> Result<(), JsValue> {
    let mut clock = Clock::new();
    clock.tick();
    archipelago_common::show(id, &format!("clock {:02}:{:02}", clock.tick(), clock.ticks))
}
