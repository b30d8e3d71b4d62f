//! What the programs print.

pub fn greeting(program: &str) -> String {
    format!("{program} joins the {} network", mycelium::network())
}
