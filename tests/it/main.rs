//! Integration tests, one binary.

mod catalog;
