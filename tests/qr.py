"""Reads QR codes as a telephone would, with zbar, which is not by the makers of what draws ours."""

from __future__ import annotations

import ctypes

from tests.conftest import unavailable

_GREY = 0x30303859
"""Y800: a byte for each pixel (zbar.h)."""


def read(pixels: list[list[int]]) -> list[str]:
    """Return the texts of the codes in a picture: rows of grey values, 0 for black, 255 for white."""
    library = _library()
    width, height = len(pixels[0]), len(pixels)
    data = bytes(value for row in pixels for value in row)
    scanner, image = library.zbar_image_scanner_create(), library.zbar_image_create()
    try:
        library.zbar_image_set_format(image, ctypes.c_ulong(_GREY))
        library.zbar_image_set_size(image, width, height)
        library.zbar_image_set_data(image, data, ctypes.c_ulong(len(data)), None)
        library.zbar_scan_image(scanner, image)
        found, symbol = [], library.zbar_image_first_symbol(image)
        while symbol:
            found.append(ctypes.string_at(library.zbar_symbol_get_data(symbol)).decode())
            symbol = library.zbar_symbol_next(symbol)
        return found
    finally:
        library.zbar_image_destroy(image)
        library.zbar_image_scanner_destroy(scanner)


def enlarged(modules: list[list[int]], times: int = 4, margin: int = 8) -> list[list[int]]:
    """Return a picture of modules (0 light, 1 dark), each so many pixels wide, with light around them."""
    wide = [[0] * margin + [module for module in row for _ in range(times)] + [0] * margin for row in modules]
    empty = [[0] * len(wide[0])] * margin
    rows = [*empty, *(row for row in wide for _ in range(times)), *empty]
    return [[0 if dark else 255 for dark in row] for row in rows]


def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL("libzbar.so.0")
    except OSError:
        unavailable("there is no library libzbar.so.0: see `make programs`")
    for name, result, *arguments in (
        ("zbar_image_scanner_create", ctypes.c_void_p),
        ("zbar_image_scanner_destroy", None, ctypes.c_void_p),
        ("zbar_image_create", ctypes.c_void_p),
        ("zbar_image_destroy", None, ctypes.c_void_p),
        ("zbar_image_set_format", None, ctypes.c_void_p, ctypes.c_ulong),
        ("zbar_image_set_size", None, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint),
        (
            "zbar_image_set_data",
            None,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_ulong,
            ctypes.c_void_p,
        ),
        ("zbar_scan_image", ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p),
        ("zbar_image_first_symbol", ctypes.c_void_p, ctypes.c_void_p),
        ("zbar_symbol_get_data", ctypes.c_void_p, ctypes.c_void_p),
        ("zbar_symbol_next", ctypes.c_void_p, ctypes.c_void_p),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, list(arguments)
    return library
