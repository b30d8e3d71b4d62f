"""Bundles of WebAssembly from source: discover → group by features → cargo → wasm-bindgen and wasm-opt → a folder each.

The result is, file by file, what `wasm-pack build --target web --release` writes into a new folder (wasm-pack 0.15).
"""

TARGET = "wasm32-unknown-unknown"
