"""The command line: a front end. It calls the gateway's verbs and shows what they answer; no rule lives here."""
