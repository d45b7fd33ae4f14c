"""How benches tune and draw: as the embedded base says, which most of them measure."""

from data.documents.defaults import OF_EMBEDDED
from data.documents.of_base import candidate_sampling_of

FIRST_ROUND = OF_EMBEDDED.first_round
REFERENCE_VIEWS = OF_EMBEDDED.reference_views
LATER_ROUNDS = OF_EMBEDDED.later_rounds
ENLARGING = OF_EMBEDDED.enlarging
SAMPLING = OF_EMBEDDED.sampling
GUIDANCE = OF_EMBEDDED.guidance
CANDIDATE_GUIDANCE = GUIDANCE.model_copy(update={"lambda_b": candidate_sampling_of(OF_EMBEDDED).lambda_b})
