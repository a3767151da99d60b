# What is done to genes, and where it puts cells. A change is list(genes, mode, at, units, hold); arm_of() turns it
# into an arm of R/futures.R.

perturb_modes <- c("set", "knockout", "shift", "scale", "clamp")

check_change <- function(space, genes, mode, at, units, hold) {
  mode <- check_choice(mode, perturb_modes, "mode")
  units <- check_choice(units, c("z", "quantile", "expression"), "units")
  genes <- check_moved_genes(genes, space)
  hold <- if (is.null(hold)) mode == "clamp" else check_flag(hold, "hold")
  if (mode == "clamp" && !hold) stop_input("hold", "`hold` cannot be FALSE for mode \"clamp\", which holds the genes.")
  if (is.null(at)) {
    # Values that cells have: nothing is known about those that none has.
    known <- list(
      set = list(0.99, "quantile"), clamp = list(0.99, "quantile"), knockout = list(0, "expression"),
      shift = list(2, "z"), scale = list(2, "expression")
    )[[mode]]
    at <- known[[1L]]
    units <- known[[2L]]
  }
  if (!is.numeric(at) || !length(at) %in% c(1L, length(genes)) || any(!is.finite(at))) {
    stop_input("at", "`at` must be one finite number, or one for each of the ", length(genes), " genes, not ",
      described(at), ".")
  }
  if (units == "quantile" && (any(at < 0 | at > 1) || mode %in% c("shift", "scale"))) {
    stop_input("at", "`at` must be between 0 and 1 for `units = \"quantile\"`, which modes \"set\", \"clamp\" and ",
      "\"knockout\" know; it is ", quoted(format(at)), " for mode \"", mode, "\".")
  }
  if (mode == "scale" && any(at < 0)) stop_input("at", "`at` must be at least 0 for mode \"scale\", a factor.")
  list(genes = genes, mode = mode, at = rep_len(as.numeric(at), length(genes)), units = units, hold = hold)
}

# Changes of z, cells x genes, for the cells that start.
change_of_z <- function(space, change, cells) {
  genes <- change$genes
  e <- space$expression(cells, genes)
  centre <- space$centre[genes]
  scale <- space$scale[genes]
  each <- function(v) matrix(v, nrow(e), ncol(e), byrow = TRUE)
  wanted <- switch(change$mode,
    shift = pmax(e + each(change$at * if (change$units == "z") scale else 1), 0),
    scale = log1p(each(change$at) * expm1(pmax(e, 0))),
    each(target_expression(space, change, centre, scale))
  )
  dz <- (wanted - e) / each(scale)
  dimnames(dz) <- list(NULL, genes)
  dz
}

target_expression <- function(space, change, centre, scale) {
  switch(change$units,
    z = centre + change$at * scale,
    expression = change$at,
    quantile = {
      e <- space$expression(NULL, change$genes)
      vapply(seq_along(change$genes), function(i) stats::quantile(e[, i], change$at[[i]], names = FALSE), numeric(1))
    }
  )
}

# The starts after a change, and what is held of them. `states`: those before.
arm_of <- function(space, change, states, cells) {
  list(
    states = space$shift(states, change_of_z(space, change, cells)),
    hold = if (change$hold) held_directions(space, change$genes)
  )
}

# One arm for each of these genes, changed alone.
arms_of_genes <- function(space, change, genes, states, cells) {
  all <- utils::modifyList(change, list(genes = genes, at = rep(change$at[[1L]], length(genes))))
  dz <- change_of_z(space, all, cells)
  lapply(genes, function(gene) {
    list(
      states = space$shift(states, dz[, gene, drop = FALSE]), hold = if (change$hold) held_directions(space, gene)
    )
  })
}

changed_genes <- function(change) paste(change$genes, collapse = " + ")

describe_change <- function(change) {
  what <- changed_genes(change)
  at <- paste(unique(format(change$at, trim = TRUE)), collapse = ", ")
  how <- switch(change$mode,
    shift = paste0("moved by ", at, if (change$units == "z") " standard deviations"),
    scale = paste0("multiplied by ", at),
    switch(change$units,
      z = paste0("set to z = ", at), quantile = paste0("set to quantile ", at), expression = paste0("set to ", at)
    )
  )
  if (change$mode == "knockout") how <- paste0("knocked out (", how, ")")
  paste0(what, " ", how, if (change$hold) " and held")
}
