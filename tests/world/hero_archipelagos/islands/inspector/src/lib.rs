//! Looks at the page through web-sys.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
pub fn mount(id: &str) -> Result<(), JsValue> {
    let document = web_sys::window().and_then(|window| window.document()).ok_or("no document")?;
    let place = document.get_element_by_id(id).ok_or_else(|| format!("no element {id}"))?;
    let line = document.create_element("p")?;
    line.set_text_content(Some(&format!("inspector sees a {}", place.tag_name())));
    place.replace_children_with_node_1(&line);
    Ok(())
}
