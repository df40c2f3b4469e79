"""Cases, probes, requests, candidates, leads, the evidence graph, actions: rows and the moves they may make."""
