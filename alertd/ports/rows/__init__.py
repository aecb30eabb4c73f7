"""The verbs of one open transaction, by what they are about; `alertd.ports.store` puts them together."""
