"""Figures for papers and slides, by matplotlib: the loss and its family, measured where they are drawn.

Every number in them comes from the public functions of this package. No figure goes through pyplot, so that nothing
is shown or kept behind the caller's back, and no setting of matplotlib's is left changed. A picture of one panel
takes ``ax=``, one of several takes ``figure=`` (a Figure, or a SubFigure of a page): what is given keeps the
caller's style. Left out, a new figure is made, in a size and style for print: ``width="one-column"`` is 3.3 in,
``"two-column"`` 6.9 in, and ``"slide"`` is 16 : 9. :func:`save` writes the same bytes each time.
"""

from xent.plots._areas import areas
from xent.plots._fit import temperature_fit
from xent.plots._focal import focal
from xent.plots._landscape import loss_landscape, loss_landscape_logits
from xent.plots._likelihood import likelihood
from xent.plots._precision import precision_map
from xent.plots._reliability import reliability
from xent.plots._save import save
from xent.plots._smoothing import smoothing
from xent.plots._temperature import temperature

__all__ = [
    "areas",
    "focal",
    "likelihood",
    "loss_landscape",
    "loss_landscape_logits",
    "precision_map",
    "reliability",
    "save",
    "smoothing",
    "temperature",
    "temperature_fit",
]
