# What FindMacrostates() gives: memberships of cells in groups; a row of the table is a cell.

new_macrostates <- function(parts) {
  parts$cols <- colours_of(parts$states$state)
  new_result("macrostates", macrostate_table(parts), parts, by = "cell")
}

macrostate_table <- function(x) {
  own <- x$membership[cbind(seq_len(nrow(x$membership)), as.integer(x$macrostate))]
  data.frame(cell = rownames(x$membership), macrostate = x$macrostate, membership = own, core = x$core,
    row.names = NULL)
}

headline.fatefield_macrostates <- function(x) {
  s <- x$states
  of <- function(kind) {
    rows <- which(s$kind == kind)
    if (length(rows) == 0L) {
      return("none")
    }
    paste0(s$state[rows], " (stability ", format(round(s$stability[rows], 3L), trim = TRUE), ")", collapse = ", ")
  }
  c(
    paste0(nrow(s), " macrostates of ", counted(nrow(x$membership), "cell"), " by ", kernel_text(x$transitions@kernel),
      ", crispness ", format(x$crispness, digits = 3L)),
    paste0("terminal: ", of("terminal")),
    paste0("initial: ", of("initial"))
  )
}

#' @rdname FindMacrostates
#' @export
summary.fatefield_macrostates <- function(object, ...) object$states

subset_result.fatefield_macrostates <- function(x, keep) {
  at <- match(keep, rownames(x$membership))
  x$membership <- x$membership[at, , drop = FALSE]
  x$macrostate <- x$macrostate[at]
  x$core <- x$core[at]
  x$transitions <- steps_among(x$transitions, keep)
  x$table <- macrostate_table(x)
  x
}

rename_cells.fatefield_macrostates <- function(x, names) {
  now <- unname(names[rownames(x$membership)])
  rownames(x$membership) <- now
  dimnames(x$transitions) <- list(now, now)
  x$table <- macrostate_table(x)
  x
}

#' @rdname FindMacrostates
#' @param x Macrostates.
#' @param type `"number"`: eigenvalue and crispness for each number of groups; `"between"`: the transitions between the
#'   groups.
#' @export
plot.fatefield_macrostates <- function(x, type = c("number", "between"), ...) {
  check_no_dots(c("x", "type"), ...)
  type <- check_choice(type, c("number", "between"), "type")
  if (type == "number") draw_criteria(x$criteria, nrow(x$states)) else draw_between(x$between, x$states)
}

draw_criteria <- function(criteria, chosen) {
  quantities <- c("eigenvalue (real part)", "crispness")
  long <- data.frame(
    n = rep(criteria$n.states, 2L), value = c(criteria$eigenvalue, criteria$crispness),
    quantity = factor(rep(quantities, each = nrow(criteria)), levels = quantities)
  )
  ggplot2::ggplot(long[!is.na(long$value), ], ggplot2::aes(.data$n, .data$value)) +
    ggplot2::geom_vline(xintercept = chosen, colour = "grey70", linetype = 2) +
    ggplot2::geom_line(colour = label_palette[[1L]]) + ggplot2::geom_point(colour = label_palette[[1L]], size = 2) +
    ggplot2::facet_wrap("quantity", scales = "free_y", ncol = 1L) +
    ggplot2::scale_x_continuous(breaks = criteria$n.states) +
    ggplot2::labs(x = "macrostates", y = NULL) + theme_curves()
}

draw_between <- function(between, states) {
  named <- ifelse(states$kind == "between", states$state, paste0(states$state, " (", states$kind, ")"))
  cells <- data.frame(
    from = factor(rep(named, nrow(states)), levels = rev(named)), to = factor(rep(named, each = nrow(states)),
      levels = named),
    p = as.vector(pmax(between, 0))
  )
  cells$text <- ifelse(cells$p >= 0.0005, format(round(cells$p, 3L), trim = TRUE), "")
  # Most is on the diagonal: the root shows the rest.
  ggplot2::ggplot(cells, ggplot2::aes(.data$to, .data$from, fill = sqrt(.data$p))) + ggplot2::geom_tile() +
    ggplot2::geom_text(ggplot2::aes(label = .data$text, colour = .data$p > 0.3), size = 3) +
    ggplot2::scale_fill_viridis_c(option = "magma", direction = -1, limits = c(0, 1), guide = "none") +
    ggplot2::scale_colour_manual(values = c(`FALSE` = "black", `TRUE` = "white"), guide = "none") +
    ggplot2::labs(x = "to", y = "from") + ggplot2::coord_equal() + theme_curves() +
    ggplot2::theme(axis.text.x = ggplot2::element_text(angle = 45, hjust = 1))
}
