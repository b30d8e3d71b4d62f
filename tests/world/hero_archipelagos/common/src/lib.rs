//! What the islands share.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    type Element;

    #[wasm_bindgen(js_namespace = document, js_name = getElementById, catch)]
    fn element(id: &str) -> Result<Option<Element>, JsValue>;

    #[wasm_bindgen(method, setter, js_name = textContent)]
    fn set_text(this: &Element, text: &str);
}

/// `hello NAME`; with the feature `loud` in capitals. An island must not get the feature from its neighbour.
pub fn greeting(name: &str) -> String {
    let text = format!("hello {name}");
    if cfg!(feature = "loud") {
        text.to_uppercase()
    } else {
        text
    }
}

/// Put `text` into the element `id` of the page.
pub fn show(id: &str, text: &str) -> Result<(), JsValue> {
    element(id)?.ok_or_else(|| JsValue::from_str(&format!("no element {id}")))?.set_text(text);
    Ok(())
}
