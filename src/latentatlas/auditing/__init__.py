"""What an embedding tells of a nuisance, without training: measured, judged, and written down."""

from latentatlas.auditing.audit import audit, audit_probes
from latentatlas.auditing.proposing import Proposal, Proposals, propose_augmentations, propose_nuisances
from latentatlas.auditing.result import AuditReport, NuisanceAudit
from latentatlas.auditing.shift import Advice, Shift, ShiftKind, advice_for, shift_of

__all__ = [
    "Advice",
    "AuditReport",
    "NuisanceAudit",
    "Proposal",
    "Proposals",
    "Shift",
    "ShiftKind",
    "advice_for",
    "audit",
    "audit_probes",
    "propose_augmentations",
    "propose_nuisances",
    "shift_of",
]
