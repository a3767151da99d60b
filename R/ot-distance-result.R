# What OTDistance() and OTPlan() give: distances between clouds, and plans, whose table is made on demand.

# One row for each pair of clouds.
new_distance <- function(group, other, value, method, parts) {
  table <- data.frame(group = group, other = other, value = value, method = rep(method, length(value)))
  new_result("ot_distance", table, c(parts, list(method = method)), by = "group")
}

# The name of a group in a table: those that were asked for, or all others.
ident_name <- function(ident) if (is.null(ident)) "others" else paste(ident, collapse = ", ")

headline.fatefield_ot_distance <- function(x) {
  title <- distance_methods[[x$method]]$title
  if (is.matrix(x$value)) {
    far <- x$table[which.max(x$table$value), ]
    near <- x$table[which.min(x$table$value), ]
    shown <- function(row) paste0(row$group, " and ", row$other, " (", format(row$value, digits = 3L), ")")
    return(c(
      paste0(title, " from ", counted(nrow(x$value), "group"), " to ", ncol(x$value)),
      if (nrow(x$table) > 0L) paste0("nearest: ", shown(near), "; farthest: ", shown(far))
    ))
  }
  c(
    paste0(title, " between ", x$table$group, " and ", x$table$other, ": ", format(x$value)),
    if (x$method == "sinkhorn") {
      paste0(x$iterations, " iterations", if (x$converged) ", converged", "; the plan misses ",
        format(x$marginal.error, digits = 3L), " of the mass")
    }
  )
}

subset_result.fatefield_ot_distance <- function(x, keep) {
  x <- subset_result.default(x, keep)
  if (is.matrix(x$value)) x$value <- x$value[keep, , drop = FALSE]
  x
}

#' @param object Distances.
#' @rdname OTDistance
#' @export
summary.fatefield_ot_distance <- function(object, ...) object$table

#' @rdname OTDistance
#' @export
plot.fatefield_ot_distance <- function(x, ...) {
  check_no_dots("x", ...)
  title <- distance_methods[[x$method]]$title
  if (!is.matrix(x$value)) {
    table <- data.frame(pair = paste(x$table$group, "to", x$table$other), value = x$value)
    return(
      ggplot2::ggplot(table, ggplot2::aes(.data$value, .data$pair)) +
        ggplot2::geom_col(fill = label_palette[[1L]], width = 0.5) +
        ggplot2::geom_text(ggplot2::aes(label = format(.data$value, digits = 3L)), hjust = 1.1, colour = "white") +
        theme_curves() + ggplot2::labs(x = title, y = NULL)
    )
  }
  table <- x$table
  table$group <- factor(table$group, rownames(x$value))
  table$other <- factor(table$other, colnames(x$value))
  heat_map(table, ggplot2::aes(.data$other, .data$group, fill = .data$value)) + ggplot2::labs(fill = title)
}

heat_map <- function(table, mapping) {
  ggplot2::ggplot(table, mapping) + ggplot2::geom_tile() +
    ggplot2::scale_fill_viridis_c(option = "cividis") + theme_curves() +
    ggplot2::theme(panel.grid = ggplot2::element_blank(), axis.text.x = ggplot2::element_text(angle = 45, hjust = 1)) +
    ggplot2::labs(x = NULL, y = NULL)
}

headline.fatefield_ot_plan <- function(x) {
  c(
    paste0("Transport plan of ", nrow(x$plan), " x ", ncol(x$plan), " cells, cost ", format(x$cost)),
    paste0("a cell's mass goes to ", format(stats::median(partners(x$plan)), digits = 2L),
      " cells, effectively (median)"),
    paste0(x$iterations, " iterations", if (x$converged) ", converged", "; columns miss ",
      format(x$column.error, digits = 3L), " of the mass", if (x$dropped > 0) paste0("; ",
        format(x$dropped, digits = 3L), " left out"))
  )
}

# Effective number of cells that each row's mass goes to: exp of the entropy of its shares.
partners <- function(plan) {
  share <- plan / Matrix::rowSums(plan)
  mass <- if (inherits(share, "sparseMatrix")) share@x else as.vector(share)
  row <- if (inherits(share, "sparseMatrix")) share@i + 1L else rep(seq_len(nrow(share)), ncol(share))
  terms <- ifelse(mass > 0, -mass * log(mass), 0)
  exp(as.vector(tapply(terms, factor(row, seq_len(nrow(plan))), sum, default = NA)))
}

result_rows.fatefield_ot_plan <- function(x) names_or_numbers(nrow(x$plan), rownames(x$plan))

names_or_numbers <- function(n, names) if (is.null(names)) as.character(seq_len(n)) else names

subset_result.fatefield_ot_plan <- function(x, keep) {
  x$plan <- x$plan[match(keep, result_rows(x)), , drop = FALSE]
  x
}

# Entries below this share of their row's mass are no rows of the table.
least_share <- 1e-9

#' @rdname OTPlan
#' @param row.names,optional Not used; part of the generic.
#' @export
as.data.frame.fatefield_ot_plan <- function(x, row.names = NULL, optional = FALSE, ...) {
  at <- Matrix::which(x$plan > least_share * Matrix::rowSums(x$plan), arr.ind = TRUE)
  at <- at[order(at[, 1L], at[, 2L]), , drop = FALSE]
  data.frame(
    cell = result_rows(x)[at[, 1L]], other = names_or_numbers(ncol(x$plan), colnames(x$plan))[at[, 2L]],
    mass = as.vector(x$plan[unname(at)]), row.names = NULL
  )
}

#' @rdname OTPlan
#' @param object A plan.
#' @param observed For `summary()` and `plot()`: the object whose cells the plan is of.
#' @export
summary.fatefield_ot_plan <- function(object, observed = NULL, group.by = NULL, ...) {
  check_no_dots(c("object", "observed", "group.by"), ...)
  groups <- plan_groups(object, observed, group.by)
  if (is.null(groups)) {
    return(data.frame(
      quantity = c("cost", "partners", "dropped", "column.error"),
      value = c(object$cost, stats::median(partners(object$plan)), object$dropped, object$column.error)
    ))
  }
  sums <- t(rowsum(t(rowsum(as.matrix(object$plan), as.character(groups$from))), as.character(groups$to)))
  total <- rowSums(sums)
  data.frame(
    group = rep(rownames(sums), ncol(sums)), other = rep(colnames(sums), each = nrow(sums)), mass = as.vector(sums),
    share = as.vector(sums / total), row.names = NULL
  )
}

# Groups of the rows and columns of a plan, or NULL where none are named.
plan_groups <- function(x, observed, group.by) {
  if (is.null(group.by)) {
    return(NULL)
  }
  if (is.null(observed)) {
    if (is.null(names(group.by))) {
      stop_input("observed", "`observed` is needed: the object that has the column `group.by`.")
    }
    values <- group.by
  } else {
    values <- stats::setNames(as.character(cell_column(observed, group.by, "group.by")), cell_names(observed))
  }
  of <- function(cells) {
    lost <- setdiff(cells, names(values))
    if (is.null(cells) || length(lost) > 0L) {
      stop_input("observed", "`observed` lacks cells of the plan",
        if (length(lost) > 0L) paste0(", the first is ", quoted(lost[[1L]])), ".")
    }
    as.character(values[cells])
  }
  list(from = of(rownames(x$plan)), to = of(colnames(x$plan)))
}

#' @rdname OTPlan
#' @export
plot.fatefield_ot_plan <- function(x, observed = NULL, group.by = NULL, ...) {
  check_no_dots(c("x", "observed", "group.by"), ...)
  if (!is.null(group.by)) {
    table <- summary(x, observed, group.by)
    return(
      heat_map(table, ggplot2::aes(.data$other, .data$group, fill = .data$share)) +
        ggplot2::labs(x = "to", y = "from", fill = "share of the\ngroup's mass")
    )
  }
  table <- data.frame(partners = partners(x$plan))
  ggplot2::ggplot(table, ggplot2::aes(.data$partners)) +
    ggplot2::geom_histogram(bins = 30L, fill = label_palette[[1L]], na.rm = TRUE) + theme_curves() +
    ggplot2::labs(x = "cells that a cell's mass goes to, effectively", y = "cells")
}
