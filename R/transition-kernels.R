# Kernels of TransitionMatrix() that need no velocity, and their combination. Take an object or coordinates; give
# transitions with what they were made from.

kernel_names <- c("velocity", "connectivity", "pseudotime", "time", "model")

# Shares of kernels by name, with sum 1. `kernel`: names, or shares with names.
check_kernel <- function(kernel) {
  if (is.character(kernel)) kernel <- stats::setNames(rep(1, length(kernel)), kernel)
  if (!is.numeric(kernel) || length(kernel) == 0L || is.null(names(kernel)) || anyDuplicated(names(kernel)) > 0L) {
    stop_input("kernel", "`kernel` must be names of kernels, such as \"velocity\", or their shares by name, such as ",
      "c(velocity = 0.8, connectivity = 0.2), not ", described(kernel), ".")
  }
  lost <- setdiff(names(kernel), kernel_names)
  if (length(lost) > 0L) {
    stop_input("kernel", "`kernel`: there is no kernel ", quoted(lost[[1L]]), "; there are ", quoted(kernel_names), ".",
      near(lost[[1L]], kernel_names))
  }
  check_shares(kernel)
}

check_shares <- function(shares) {
  if (any(!is.finite(shares)) || any(shares < 0) || sum(shares) == 0) {
    stop_input("kernel", "`kernel`: shares must be at least 0, and one above 0; found ",
      paste(format(shares, digits = 3L), collapse = ", "), ".")
  }
  shares[shares > 0] / sum(shares)
}

# Transitions of the kernels. `velocity`: a function that gives those of the velocities. `task`: list(object, reduction,
# dims, n.neighbors, pseudotime, time, model, options, seed, neighbours (a function that gives those of the
# velocities, or NULL)).
transitions_of <- function(kernel, velocity, task) {
  parts <- lapply(names(kernel), function(name) {
    switch(name,
      velocity = velocity(), connectivity = connectivity_kernel(task), pseudotime = pseudotime_kernel(task),
      time = time_kernel(task), model = model_kernel(task)
    )
  })
  if (length(parts) == 1L) parts[[1L]] else combine_transitions(parts, unname(kernel))
}

# list(weights (dgCMatrix), inputs): the fuzzy graph of the neighbours.
near_weights <- function(task) {
  if (!is.null(task$neighbours) && is.null(task$reduction) && is.null(task$dims)) {
    known <- task$neighbours()
    weights <- fuzzy_neighbours(known$knn, thread_count())
    dimnames(weights) <- list(known$cells, known$cells)
    return(list(weights = weights, inputs = known$inputs))
  }
  x <- embedding(task$object, task$reduction, task$dims)
  list(weights = weights_among(x, task$n.neighbors), inputs = coordinate_inputs(task$object, task$reduction, x))
}

coordinate_inputs <- function(object, reduction, x) {
  if (is_plain_matrix(object)) list() else list(coordinates_input(object, reduction, x = x))
}

weights_among <- function(x, n.neighbors = NULL) {
  n <- merge_options(kernel_defaults(), list(n.neighbors = n.neighbors), "")$n.neighbors
  knn <- knn_self(x, as.integer(min(check_count(n, "n.neighbors"), nrow(x) - 1L)), knn_defaults(), thread_count())
  weights <- fuzzy_neighbours(knn, thread_count())
  names <- rownames_or_numbers(x)
  dimnames(weights) <- list(names, names)
  weights
}

named_like <- function(steps, weights) {
  dimnames(steps) <- dimnames(weights)
  steps
}

connectivity_kernel <- function(task) {
  near <- near_weights(task)
  new_transitions(named_like(connectivity_steps(near$weights), near$weights), c(connectivity = 1), near$inputs)
}

pseudotime_kernel <- function(task) {
  near <- near_weights(task)
  column <- pseudotime_column(task$object, task$pseudotime)
  time <- cell_column(task$object, column, "pseudotime")
  if (!is.numeric(time)) stop_input("pseudotime", "`pseudotime` must be numbers, not ", described(time), ".")
  inputs <- if (!is_plain_matrix(task$object) && is.character(column) && length(column) == 1L) {
    list(column_input(task$object, column))
  }
  steps <- pseudotime_steps(near$weights, as.numeric(time))
  new_transitions(Matrix::drop0(named_like(steps, near$weights)), c(pseudotime = 1), c(near$inputs, inputs))
}

# The column or values given, else the latent time or pseudotime of the velocities that the object holds.
pseudotime_column <- function(object, pseudotime) {
  if (!is.null(pseudotime)) {
    return(pseudotime)
  }
  own <- if (!is_plain_matrix(object)) {
    unlist(lapply(rev(tool_names(object, "velocity_columns")), function(name) {
      columns <- tool(object, "velocity_columns", name)
      c(grep("latent_time$", columns, value = TRUE), grep("pseudotime$", columns, value = TRUE))
    }))
  }
  own <- intersect(own, if (!is_plain_matrix(object)) column_names(object))
  if (length(own) == 0L) {
    stop_input("pseudotime", "`pseudotime` is needed: a column, or one number for each cell.")
  }
  rlang::inform(paste0("Using the pseudotime ", quoted(own[[1L]]), "; `pseudotime` takes another."),
    class = "fatefield_message_pseudotime")
  own[[1L]]
}

# By plans between the observed times; at the last one along neighbours of that time.
time_kernel <- function(task) {
  object <- task$object
  merge_options(plan_defaults(), task$options)
  model <- plan_model(object, task$model, task$reduction)
  space <- plan_cells(object, model, task$reduction, task$dims, task$time, NULL)
  end <- max(space$times, na.rm = TRUE)
  if (length(unique(stats::na.omit(space$times))) < 2L) {
    stop_input("time", "`time`: plans need cells of at least two times.")
  }
  from <- which(!is.na(space$times) & space$times < end)
  known <- which(!is.na(space$times))
  plans <- plan_options(model, task$options, space)
  rates <- if (length(space$rates) > 0L) space$rates[known] else numeric()
  found <- lapply(plans, function(options) {
    plan_steps(space$x[known, , drop = FALSE], space$times[known], match(from, known), rates, options, steps_drawn,
      task$seed, thread_count())
  })
  names <- rownames_or_numbers(space$x)
  steps <- spread_steps(Reduce(`+`, found) / length(found), known, length(names))
  last <- which(space$times == end)
  if (length(last) > 2L) {
    among <- connectivity_steps(weights_among(space$x[last, , drop = FALSE], task$n.neighbors))
    steps <- steps + spread_steps(among, last, length(names))
  }
  steps <- methods::as(methods::as(steps, "generalMatrix"), "CsparseMatrix")
  dimnames(steps) <- list(names, names)
  new_transitions(steps, c(time = 1), time_inputs(object, model, task))
}

# Cells of the next time that stand for a row of a plan.
steps_drawn <- 100L

time_inputs <- function(object, model, task) {
  if (is_plain_matrix(object)) {
    return(list())
  }
  column <- if (is.character(task$time) && length(task$time) == 1L) list(column_input(object, task$time))
  c(fate_inputs(object, model, task$reduction, task$dims), column)
}

# Steps among the cells `at` as steps among all `n`.
spread_steps <- function(steps, at, n) {
  steps <- methods::as(methods::as(steps, "generalMatrix"), "TsparseMatrix")
  Matrix::sparseMatrix(i = at[steps@i + 1L], j = at[steps@j + 1L], x = steps@x, dims = c(n, n))
}

# The jumps of a neural SDE between the cells that are there, at the times at which they are.
model_kernel <- function(task) {
  model <- choose_model(task$object, task$model)
  x <- model_coordinates(task$object, model)
  starts <- cell_starts(task$object, model, task$time, NULL, x)
  weights <- weights_among(x, task$n.neighbors)
  found <- lapply(model_engines(model), function(rebuild) {
    at <- motion_at(rebuild(), x, starts)
    jump_steps(weights, x, at$drift, at$noise, thread_count())
  })
  steps <- Reduce(`+`, found) / length(found)
  steps <- named_like(methods::as(methods::as(steps, "generalMatrix"), "CsparseMatrix"), weights)
  inputs <- if (!is_plain_matrix(task$object)) model_inputs(task$object, model)
  new_transitions(steps, c(model = 1), if (is.null(inputs)) list() else inputs)
}

# list(drift, noise), cells x dims, of each cell at its time.
motion_at <- function(engine, x, times) {
  out <- list(drift = x * 0, noise = x * 0)
  for (rows in split(seq_len(nrow(x)), times)) {
    t <- times[[rows[[1L]]]]
    out$drift[rows, ] <- engine$drift(x[rows, , drop = FALSE], t)
    out$noise[rows, ] <- engine$diffusion(x[rows, , drop = FALSE], t)
  }
  out
}
