//! The shell: a dock with the islands that are installed, and the desk on which they open.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/js/desk.js")]
extern "C" {
    fn show(label: &Closure<dyn Fn(String) -> String>);
}

/// What the dock calls an island: `island_text_editor` is `Text editor`.
#[wasm_bindgen]
pub fn label(name: String) -> String {
    let words = name.strip_prefix("island_").unwrap_or(&name).replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[wasm_bindgen(start)]
pub fn start() {
    let names = Closure::new(label);
    show(&names);
    names.forget(); // the dock asks as long as the page is there
}
