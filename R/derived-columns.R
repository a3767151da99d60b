# Columns of the cell data that other functions of the package have written: read only while what they were made from
# is as it was.

# Stops where one of these columns belongs to a result that no longer fits the object. `columns`: names, anything else
# is left alone.
check_derived <- function(object, ...) {
  if (!is_seurat(object) && !is_sce(object)) {
    return(invisible())
  }
  named <- Filter(is.character, list(...))
  columns <- intersect(unlist(named), tool_names(object, "columns"))
  for (column in setdiff(columns, users_columns(object, columns))) {
    owner <- column_owner(object, column)
    if (!is.null(owner)) take_result(object, owner$kind, owner$name)
  }
  invisible()
}

# The result that a column is of: list(kind, name), or NULL.
column_owner <- function(object, column) {
  for (kind in tool_names(object, "results")) {
    for (name in rev(tool_names_of(object, kind))) {
      parts <- names(tool(object, "results", kind)[[name]]$result$table)
      # The default name of a result may also be one of its columns, the others of which then stand alone.
      own <- c(name, paste0(name, "_", parts), if (name %in% parts) parts)
      if (column %in% own) {
        return(list(kind = kind, name = name))
      }
    }
  }
  NULL
}
