"""Detection, cropping, classification and recognition as plain functions on arrays."""
