"""From what people and machines write to what the core knows: one pure parser per format."""
