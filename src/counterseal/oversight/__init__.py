"""Services, uses, duties, findings, disclosures; the stored log and the vault."""
