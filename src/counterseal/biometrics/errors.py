"""The room's errors. What the capture step rejects is no error: it is a `FailureToAcquire`."""

from counterseal.terms.errors import BadInputError, CountersealError, IntegrityError, UnavailableError


class BiometricsError(CountersealError):
    """A promise of the biometrics room could not be kept."""


class EngineLoadError(BiometricsError, UnavailableError):
    """An engine's files are missing, changed, unlicensed or of the wrong shape: it is not served."""


class EngineMismatchError(BiometricsError, BadInputError):
    """Templates, scores or thresholds of two engines met. They mean nothing to each other."""


class TemplateError(BiometricsError, BadInputError):
    """The numbers of a template are not what its engine makes: wrong length, or not finite."""


class OperatingPointError(BiometricsError, BadInputError):
    """An operating point is used outside what it was calibrated for."""


class GalleryKeyError(BiometricsError, BadInputError):
    """The key does not open this reference database."""


class GalleryEngineError(BiometricsError, BadInputError):
    """The reference database was made with another engine."""


class GalleryStateError(BiometricsError, BadInputError):
    """The reference asked for does not exist, or the one to add exists already."""


class GalleryUnavailableError(BiometricsError, UnavailableError):
    """The file is busy, full or not writable; nothing was changed."""


class GalleryCorruptError(BiometricsError, IntegrityError):
    """A sealed record does not open, or the file is damaged: stop and look."""
