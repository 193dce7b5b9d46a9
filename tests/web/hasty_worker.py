"""The web's worker with less patience, for tests."""

from keepa_deals.web.worker import PatientWorker


class HastyWorker(PatientWorker):
    head_seconds = 0.5
    request_seconds = 0.5
