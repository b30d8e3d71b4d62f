//! Greets by the shared crate.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
pub fn greet() -> String {
    archipelago_common::greeting("shouter")
}

#[wasm_bindgen]
pub fn mount(id: &str) -> Result<(), JsValue> {
    archipelago_common::show(id, &greet())
}
