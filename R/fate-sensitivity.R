# How the margin of a fate changes with the start: derivatives by simulations that share their random numbers.
# `task` is what FindFateDrivers() gathered, `space` a gene_space().

# data.frame of gene, sensitivity, its standard errors and the mean absolute value.
fate_sensitivity <- function(task, space) {
  task$cells <- sampled_progenitors(task)
  margin <- if (task$model$type == "field") field_margin_function else margin_function
  linear <- space$kind == "linear"
  gradient <- if (linear) dimension_gradients else direction_gradients
  n <- length(task$model$states)
  ways <- 2L * if (linear) ncol(task$x) else task$n.directions
  done <- 0L
  tick <- progress_bar(n * ways, "Sensitivity of the fate", isTRUE(task$verbose))
  members <- lapply(seq_len(n), function(member) {
    of <- margin(task, member)
    gradient(task, space, function(states) {
      found <- of(states)
      done <<- done + 1L
      tick(done)
      found
    })
  })
  summarise_gradients(members, space$genes)
}

# Cells before the end time, in the order of their times, thinned evenly.
sampled_progenitors <- function(task) {
  some <- task$cells[task$starts[task$cells] < task$end]
  if (length(some) < 2L) {
    stop_input("cells", "`cells`: fewer than 2 are before the end time, so nothing can be simulated.")
  }
  some <- some[order(task$starts[some], some)]
  some[thinned(length(some), task$max.cells)]
}

# `members`: list(mean, var of the mean, absolute), one value per gene.
summarise_gradients <- function(members, genes) {
  n <- length(members)
  of <- function(part) matrix(unlist(lapply(members, `[[`, part)), ncol = n)
  over.cells <- rowMeans(of("variance")) / n
  # Cells are no replicates of a training: one member knows no error of its own.
  between <- if (n > 1L) row_sds(of("mean"))^2 / n else NA_real_
  data.frame(
    gene = genes, sensitivity = rowMeans(of("mean")), sensitivity_se = sqrt(pmax(over.cells, between)),
    sensitivity_se_cells = sqrt(over.cells), sensitivity_abs = rowMeans(of("absolute")), row.names = NULL
  )
}

# A function of start states (one row per cell of the task): the share of the ends of the fate less that of
# its rivals, for each cell. The same random numbers at each call.
margin_function <- function(task, member) {
  engine <- model_engine(task$model, member)
  starts <- task$starts[task$cells]
  function(states) {
    request <- list(n.sim = task$n.sim, seed = task$seed + member - 1)
    found <- engine$fates(task$references$index, states, starts, task$end, request, NULL)
    vote_margin(found$share, task$sides)
  }
}

vote_margin <- function(share, sides) {
  share[, sides$for.it] - rowSums(share[, sides$against.it, drop = FALSE])
}

no_noise <- list(way = 0, start = 0, n.sim = 1L)

# The ends of cells along a velocity field, in that space.
margin_paths <- function(task, motion) {
  span <- if (is.finite(task$end)) task$end else motion$span("forward")
  paths <- integrate_directions(motion, c(0, span), "forward", no_noise, "end", task$seed, FALSE)
  near_trajectories(paths)
}

field_margin_function <- function(task, member) {
  motion <- task$motion
  motion$members <- motion$members[member]
  function(states) {
    motion$starts <- states
    votes <- label_states(task$references$index, states_at(margin_paths(task, motion)), thread_count())
    vote_margin(votes$probability, task$sides)
  }
}

# The predicted fate of each cell, by the labels of its ends over all members.
field_fates <- function(task) {
  ends <- margin_paths(task, task$motion)
  votes <- label_states(task$references$index, states_at(ends), thread_count())$probability
  colnames(votes) <- task$references$labels
  mean <- rowsum(votes[, task$sides$present, drop = FALSE], ends$cell, reorder = FALSE)
  as.character(most_probable(mean, rowSums(mean) > 0))
}

# Central differences along each dimension, carried to genes by the loadings.
dimension_gradients <- function(task, space, margin) {
  x <- task$x[task$cells, , drop = FALSE]
  h <- task$step * sqrt(mean(apply(x, 2L, stats::var)))
  slopes <- vapply(seq_len(ncol(x)), function(j) {
    by <- replace(numeric(ncol(x)), j, h)
    (margin(sweep(x, 2L, by, "+")) - margin(sweep(x, 2L, by))) / (2 * h)
  }, numeric(nrow(x)))
  by.gene <- as.matrix(tcrossprod(slopes, space$loadings))
  list(
    mean = colMeans(by.gene), variance = apply(by.gene, 2L, stats::var) / nrow(x),
    absolute = colMeans(abs(by.gene))
  )
}

# Random signs for all genes at once, to either side: the mean of (change of the margin) x sign.
direction_gradients <- function(task, space, margin) {
  x <- task$x[task$cells, , drop = FALSE]
  genes <- space$genes
  sums <- matrix(0, nrow(x), length(genes))
  for (r in seq_len(task$n.directions)) {
    sign <- random_signs(nrow(x), length(genes), task$seed + r)
    colnames(sign) <- genes
    change <- margin(space$shift(x, task$step * sign)) - margin(space$shift(x, -task$step * sign))
    sums <- sums + change / (2 * task$step) * sign
  }
  by.cell <- sums / task$n.directions
  list(
    mean = colMeans(by.cell), variance = apply(by.cell, 2L, stats::var) / nrow(x),
    absolute = colMeans(abs(by.cell))
  )
}
