//! What is kept: organisations and their lists, people, published rows, rule files.

mod entity;
pub mod matches;
pub mod migration;
pub mod national_returns;
pub mod people;
pub mod places;
pub mod roles;
