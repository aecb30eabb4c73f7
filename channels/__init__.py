"""One file per channel; each hands a message to a provider or says why it could not."""
