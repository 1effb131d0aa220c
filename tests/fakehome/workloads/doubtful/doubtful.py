# Not run: the cell driver of this home makes its samples up.
