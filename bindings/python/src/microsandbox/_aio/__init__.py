"""The surface, awaitable. The build derives microsandbox.sync from these modules by taking the awaits out."""
from microsandbox._aio.image import Image, ImageDetail, ImageHandle

__all__ = ["Image", "ImageDetail", "ImageHandle"]
