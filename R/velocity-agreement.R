# Agreement of velocities with those of neighbours, with an order of the cells and with clones, for ScoreVelocity(), and
# what is said and drawn of all scores.

# data.frame, a row a cell: confidence, coherence and length of its velocity.
cell_agreement <- function(field, index, group) {
  v <- field$velocity
  known <- cell_confidence(v, seq_len(nrow(v)), field$knn, thread_count())
  n <- ncol(v)
  i <- as.vector(row(index))
  j <- as.vector(index)
  own <- which(group[i] == group[j])
  unit <- v / rep(pmax(sqrt(colSums(v^2)), 1e-300), each = nrow(v))
  size <- max(1L, as.integer(5e6 / nrow(v)))
  cosine <- unlist(lapply(split(own, (seq_along(own) - 1L) %/% size), function(b) {
    colSums(unit[, i[b], drop = FALSE] * unit[, j[b], drop = FALSE])
  }), use.names = FALSE)
  sums <- rowsum(c(cosine, numeric(n)), c(i[own], seq_len(n)))[, 1L]
  count <- tabulate(i[own], n)
  data.frame(
    cell = colnames(v), group = group, confidence = known$confidence,
    coherence = ifelse(count > 0L, sums / count, NA), length = known$length, row.names = NULL
  )
}

group_agreement <- function(cells) {
  parts <- split(cells, cells$group)
  of <- function(column) vapply(parts, function(p) mean(p[[column]], na.rm = TRUE), 1)
  data.frame(
    group = names(parts), cells = vapply(parts, nrow, 1L), confidence = of("confidence"), coherence = of("coherence"),
    length = of("length"), row.names = NULL
  )
}

# Probabilities of steps to neighbours by the velocities, as transitions.
field_transitions <- function(field) {
  options <- usual_embed_options(field)
  graph <- among_neighbours(field_graph(field, options), field$knn)
  steps <- steps_of(graph, options$steps, self.transitions = FALSE)
  dimnames(steps) <- dimnames(graph)
  new_transitions(steps, c(velocity = 1))
}

# Cells whose expected step goes to later cells less those whose step goes back, of all that have steps.
steps_ahead <- function(time, steps) {
  known <- is.finite(time)
  steps <- steps[, known, drop = FALSE]
  mass <- Matrix::rowSums(steps)
  ahead <- as.vector(steps %*% time[known]) - mass * time
  ahead <- ahead[known & mass > 0]
  if (length(ahead) > 0L) mean(ahead > 0) - mean(ahead < 0) else NA_real_
}

weak_direction <- 0.1

time_agreement <- function(field, time) {
  if (!is.numeric(time) || sum(is.finite(time)) < 2L) {
    stop_input("pseudotime", "`pseudotime` must be numbers, not ", described(time), ".")
  }
  ahead <- steps_ahead(time, plain_steps(field_transitions(field)))
  if (isTRUE(ahead < weak_direction)) warn_direction("the pseudotime", ahead)
  ahead
}

warn_direction <- function(what, ahead) {
  rlang::warn(
    paste0(
      "Velocities ", if (ahead < 0) "go against " else "hardly go along ", what, ": cells whose expected step is to ",
      "later cells, less those whose step is back, are ", format(ahead, digits = 2L), " of all. One of the two is ",
      "wrong: look at the arrows, or name a cell of the beginning with `root`."
    ),
    class = "fatefield_warning_direction"
  )
}

# Scores of fates along velocities, and along neighbours alone, against clones.
clone_agreement <- function(field, group, task) {
  pair <- task$pair
  if (is.null(pair)) stop_input("pair", "`pair` is needed beside `clone`: two groups that are fates.")
  if (!is.character(pair) || length(pair) != 2L || anyNA(pair) || pair[[1L]] == pair[[2L]]) {
    stop_input("pair", "`pair` must be two different groups, not ", described(pair), ".")
  }
  check_group_names(pair, levels(group), "pair")
  clone <- as.character(task$clone)
  clone[!is.na(clone) & !nzchar(clone)] <- NA
  ends <- factor(as.character(group), pair)
  mates <- table(factor(clone[!is.na(ends)]), ends[!is.na(ends)])
  scored <- which(is.na(ends) & clone %in% rownames(mates)[rowSums(mates) > 0])
  if (length(scored) < 3L) {
    stop_input("clone", "`clone`: ", length(scored), " cells outside of ", quoted(pair),
      " have clone mates in these; at least 3 are needed.")
  }
  truth <- matrix(as.numeric(mates[clone[scored], ]), length(scored), 2L,
    dimnames = list(colnames(field$velocity)[scored], pair))
  near <- fuzzy_neighbours(field$knn, thread_count())
  dimnames(near) <- rep(list(colnames(field$velocity)), 2L)
  alone <- new_transitions(named_like(connectivity_steps(near), near), c(connectivity = 1))
  both <- combine_transitions(list(field_transitions(field), alone), c(0.8, 0.2))
  states <- stats::setNames(ends, colnames(field$velocity))
  ScoreFate.default(
    lapply(list(velocity = both, neighbours = alone), absorbed_fates, states, NULL, list()),
    truth, pair = pair, group = clone[scored], conf.level = task$conf.level, seed.use = task$seed
  )
}

headline.fatefield_velocity_scores <- function(x) {
  t <- x$table
  best <- t[which.min(t$score), ]
  c(
    if (nrow(t) > 0L) {
      paste0("direction across ", counted(nrow(t), "border"), ": mean ", format(x$mean[["score"]], digits = 2L),
        ", shuffled ", format(x$mean[["floor"]], digits = 2L), "; above the shuffles (p < 0.05) in ",
        sum(t$p < 0.05, na.rm = TRUE), if (nrow(best) > 0L) paste0("; worst ", best$edge, " ",
          with_interval(best$score, best$score_low, best$score_high, 2L)))
    },
    paste0("confidence of ", counted(nrow(x$cells), "cell"), ": ", quartiles(x$cells$confidence)),
    time_and_clones(x)
  )
}

time_and_clones <- function(x) {
  parts <- c(
    if (!is.null(x$ahead)) paste0("agreement with the pseudotime ", format(x$ahead, digits = 2L)),
    if (!is.null(x$clones)) paste0(x$pair[[1L]], " or ", x$pair[[2L]], " by clones: r ", with_interval(
      x$clones$pair.pearson, x$clones$pair.pearson_low, x$clones$pair.pearson_high, 2L
    )[[1L]], ", by neighbours alone ", format(x$clones$pair.pearson[[2L]], digits = 2L))
  )
  if (length(parts) > 0L) paste(parts, collapse = "; ")
}

#' @rdname ScoreVelocity
#' @export
summary.fatefield_velocity_scores <- function(object, ...) {
  if (nrow(object$table) > 0L) object$table else object$groups
}

#' @rdname ScoreVelocity
#' @param x Scores.
#' @param type `"edges"`: the score of each edge with its interval beside shuffled velocities; `"groups"`: confidence of
#'   the cells of each group.
#' @param cols Colours of the groups by name; `NULL` takes those of [DefineFates()], where the object has them.
#' @export
plot.fatefield_velocity_scores <- function(x, type = c("edges", "groups"), cols = NULL, ...) {
  check_no_dots(names(formals(plot.fatefield_velocity_scores)), ...)
  type <- check_choice(type, c("edges", "groups"), "type")
  if (type == "groups" || nrow(x$table) == 0L) {
    return(draw_group_agreement(x, cols))
  }
  t <- x$table
  t$edge <- factor(t$edge, rev(unique(t$edge)))
  ggplot2::ggplot(t, ggplot2::aes(.data$score, .data$edge)) +
    ggplot2::geom_vline(xintercept = 0, colour = "grey70", linetype = 2) +
    ggplot2::geom_segment(ggplot2::aes(x = .data$score_low, xend = .data$score_high, yend = .data$edge,
      colour = "velocity"), linewidth = 0.7, na.rm = TRUE) +
    ggplot2::geom_point(ggplot2::aes(colour = "velocity"), size = 2.5, na.rm = TRUE) +
    ggplot2::geom_point(ggplot2::aes(.data$floor, colour = "shuffled"), shape = 4, size = 2.5, na.rm = TRUE) +
    ggplot2::scale_colour_manual(NULL, values = c(velocity = label_palette[[1L]], shuffled = "grey45")) +
    ggplot2::labs(x = "mean cosine of velocities with steps across the border", y = NULL) + theme_curves()
}

draw_group_agreement <- function(x, cols) {
  ggplot2::ggplot(x$cells[!is.na(x$cells$group), ], ggplot2::aes(.data$confidence, .data$group, fill = .data$group)) +
    ggplot2::geom_boxplot(outlier.size = 0.4, linewidth = 0.3, na.rm = TRUE) +
    scale_labels(levels(x$cells$group), c(cols, x$cols), aesthetics = "fill", guide = "none") +
    ggplot2::labs(x = "confidence (mean correlation with the velocities of the neighbours)", y = NULL) + theme_curves()
}
