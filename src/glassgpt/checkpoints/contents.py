"""What lies at a place, whatever format its files are in."""

from glassgpt.checkpoints import hugging_face, openai
from glassgpt.checkpoints.places import Place, kind_of
from glassgpt.checkpoints.survey import Survey


def survey_place(place: Place) -> Survey:
    """What the model's files hold, by the format they are in."""
    if place.weights is None and kind_of(place.folder) == "openai":
        return openai.survey_folder(place.folder)
    return hugging_face.survey_folder(place.folder, place.weights)
