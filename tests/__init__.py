"""The tests, by the packages of the product; see docs/testing.md."""
