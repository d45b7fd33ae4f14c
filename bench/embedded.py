"""How benches tune and draw: as the embedded base says, which most of them measure."""

from data.documents.defaults import OF_EMBEDDED

FIRST_ROUND = OF_EMBEDDED.first_round
REFERENCE_VIEWS = OF_EMBEDDED.reference_views
LATER_ROUNDS = OF_EMBEDDED.later_rounds
ENLARGING = OF_EMBEDDED.enlarging
SAMPLING = OF_EMBEDDED.sampling
GUIDANCE = OF_EMBEDDED.guidance
