"""The door to pictures: taking them in, making them ready for a page, drawing the thumbnail."""

from fabula.media.pictures import open_picture, web_picture
from fabula.media.thumbnail import Palette, draw_thumbnail

__all__ = ["Palette", "draw_thumbnail", "open_picture", "web_picture"]
