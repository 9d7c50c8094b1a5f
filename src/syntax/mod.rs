//! Floor 0: what each type of file looks like. Reading with positions, and quoting so that a value cannot break out of
//! its file. Knows syntax only: no key of any particular file is named here.

pub mod archive;
mod filetype;
pub mod ini;
mod plugins;
pub mod quote;
pub mod shell;
pub mod sysctl;
pub mod systemd;
pub mod toml;
pub mod yaml;

pub use filetype::FileType;
pub use plugins::PluginUse;
