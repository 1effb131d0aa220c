/* Not compiled: the build driver of this home builds nothing. */
