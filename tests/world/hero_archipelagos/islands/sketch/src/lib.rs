//! Draws by snippets: bundles of its kind have a folder `snippets/`.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/js/frame.js")]
extern "C" {
    fn frame(text: &str) -> String;
}

#[wasm_bindgen(inline_js = "export function line(width) { return '~'.repeat(width); }")]
extern "C" {
    fn line(width: u32) -> String;
}

#[wasm_bindgen]
pub fn mount(id: &str) -> Result<(), JsValue> {
    archipelago_common::show(id, &frame(&format!("sketch {}", line(3))))
}
