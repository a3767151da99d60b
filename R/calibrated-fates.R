# Fates with calibrated probabilities: folds, scores, maps of all cells with their errors, and what they say of it.
# Takes fates and taught_cells(); gives fates.

# `data`: see taught_cells().
calibrate <- function(fates, data, settings) {
  z <- log_probabilities(fates, settings$floor)
  seen <- z[data$rows, , drop = FALSE]
  clone <- check_clones(data$group, "group")
  n.folds <- min(settings$n.folds, nlevels(clone))
  top <- colnames(data$observed)[max.col(data$observed, "first")]
  fold <- deal_clones(clone, rep(1 / n.folds, n.folds), list(top), settings$seed)
  fit <- cross_fit(seen, data$observed, fold, candidates_for(settings$form, n.folds))
  draws <- bootstrap_counts(nlevels(clone), settings$n.boot, settings$seed)
  scores <- calibration_scores(fit, seen, fold, data$observed, draws[as.integer(clone), , drop = FALSE], settings)
  if (mean(fit$after) >= mean(fit$before) || fit$map$form == "none") {
    fates$calibration <- calibration_of(fit, identity_map(ncol(z)), data, scores, settings)
    rlang::warn(paste0("Calibration does not lower the cross-entropy of left-out clones (change ",
      difference_text(fates$calibration), "); the fates stay as they are."), class = "fatefield_warning_calibration")
    return(fates)
  }
  maps <- c(list(fit$map), fit$maps)
  part <- rep(1L, nrow(z))
  part[data$rows] <- match(fold, fit$folds) + 1L
  errors <- function(m) {
    rows <- if (m == 1L) seq_along(fold) else which(fold != fit$folds[[m - 1L]])
    if (settings$n.boot < 2L) {
      return(NULL)
    }
    list(
      draws = map_draws(maps[[m]], seen, data$observed, as.integer(clone), draws, rows, settings$seed),
      rivals = lapply(fit$rivals(m - 1L), map_alone), shares = fit$shares
    )
  }
  found <- calibration_of(fit, fit$map, data, scores, settings)
  found$errors <- errors(1L)
  fates$fold <- stats::setNames(replace(rep(NA_integer_, nrow(z)), data$rows, fold), rownames(z))
  with_maps(fates, z, maps, part, errors, found)
}

# With two folds nothing is left to choose by.
candidates_for <- function(form, n.folds) {
  if (n.folds < 3L) {
    all <- calibration_candidates(if (is.null(form)) "temperature" else form)
    return(all[ceiling(nrow(all) / 2), , drop = FALSE])
  }
  calibration_candidates(if (is.null(form)) calibration_forms else form)
}

# list(scores, difference): what cells get that were left out, before and after. `draws`: how often each observed cell
# counts, cells x samples.
calibration_scores <- function(fit, z, fold, observed, draws, settings) {
  p <- softmax_rows(z)
  after <- p
  for (f in seq_along(fit$folds)) {
    rows <- which(fold == fit$folds[[f]])
    after[rows, ] <- apply_map(fit$maps[[f]], z[rows, , drop = FALSE])
  }
  change <- fit$after - fit$before
  sampled <- drop(change %*% draws) / colSums(draws)
  edge <- function(p) if (length(sampled) < 2L) NA_real_ else stats::quantile(sampled, p, names = FALSE)
  truth <- cbind(seq_along(change), max.col(observed, "first"))
  score <- function(p, losses) {
    data.frame(cross.entropy = mean(losses), accuracy = mean(top_shares(p)[truth]),
      brier = mean(rowSums((p - observed)^2)))
  }
  list(
    scores = data.frame(when = c("before", "after"), rbind(score(p, fit$before), score(after, fit$after))),
    difference = c(estimate = mean(change), low = edge((1 - settings$conf.level) / 2),
      high = edge((1 + settings$conf.level) / 2))
  )
}

# The element `calibration` of fates. `fit`: see cross_fit(); `map`: the one that new cells get.
calibration_of <- function(fit, map, data, scores, settings) {
  labels <- colnames(data$observed)
  c(list(
    form = map$form, temperature = 1 / map$beta, weights = stats::setNames(exp(map$shift), labels),
    W = `dimnames<-`(map$W, list(labels, labels)), b = stats::setNames(map$b, labels),
    ridge = unlist(fit$choice[c("ridge.b", "ridge")])
  ), scores, list(
    tried = fit$tried, forms = fit$chosen, cells = nrow(data$observed), groups = length(unique(data$group)),
    conf.level = settings$conf.level, floor = settings$floor, map = map_alone(map)
  ))
}

# The fates with the probabilities of maps. `z`: see log_probabilities(); `part`: which of the maps a cell has;
# `errors(m)`: see map_errors().
with_maps <- function(fates, z, maps, part, errors, calibration) {
  open <- open_cells(fates)
  raw <- fates$probability
  parts <- c("probability", "se", "low", "high")
  kept <- list(probability = raw, se = fates$se, low = fates$low, high = fates$high)
  for (edge in c("low", "high")) if (is.null(kept[[edge]])) kept[[edge]] <- raw
  for (m in unique(part[open])) {
    rows <- which(open & part == m)
    if (maps[[m]]$form == "none") next
    own <- z[rows, , drop = FALSE]
    kept$probability[rows, ] <- apply_map(maps[[m]], own)
    kept[c("se", "low", "high")] <- Map(function(all, found) {
      all[rows, ] <- found
      all
    }, kept[c("se", "low", "high")], map_errors(maps[[m]], own, errors(m), calibration$groups, calibration$conf.level))
    fates$spread[rows, ] <- carried_spread(maps[[m]], own, fates$spread[rows, , drop = FALSE])
  }
  fates[parts] <- kept[parts]
  fates$probability_raw <- raw
  fates$fate <- most_probable(fates$probability, !is.na(fates$fate))
  fates$entropy[open] <- share_entropy(fates$probability)[open]
  fates$calibration <- calibration
  fates$table <- fate_table(fates)
  fates
}

# Standard deviations of probabilities after a map, to first order and as if those of the fates were independent.
carried_spread <- function(map, z, spread) {
  p <- apply_map(map, z)
  # d p_k / d z_j = p_k (W_kj - sum_l p_l W_lj)
  mean <- p %*% map$W
  total <- 0
  for (j in seq_len(ncol(z))) {
    slope <- p * (rep(map$W[, j], each = nrow(p)) - mean[, j])
    total <- total + (slope * (spread[, j] / exp(z[, j])))^2
  }
  `dimnames<-`(sqrt(total), dimnames(spread))
}

# What was learned before, done to other fates.
apply_calibration <- function(fates, calibration) {
  known <- if (inherits(calibration, "fatefield_fate")) calibration$calibration
  if (is.null(known)) {
    stop_input("calibration", "`calibration` must be fates that CalibrateFates() gave, not ", described(calibration),
      ".")
  }
  labels <- colnames(fates$probability)
  if (!setequal(names(known$weights), labels)) {
    stop_input("calibration", "`calibration` is of the fates ", quoted(names(known$weights)), "; these fates are ",
      quoted(labels), ".")
  }
  if (known$form == "none") {
    fates$calibration <- known
    return(fates)
  }
  back <- match(labels, names(known$weights))
  known$map <- turned_map(known$map, back)
  for (part in c("draws", "rivals")) known$errors[[part]] <- lapply(known$errors[[part]], turned_map, back)
  known[c("weights", "b", "W")] <- list(known$weights[back], known$b[back], known$W[back, back])
  known$applied <- TRUE
  z <- log_probabilities(fates, known$floor)
  with_maps(fates, z, list(known$map), rep(1L, nrow(z)), function(m) known$errors, known)
}

# Without what it was fitted with.
map_alone <- function(map) map[setdiff(names(map), "fit")]

# The map with its fates in another order.
turned_map <- function(map, order) {
  map$W <- map$W[order, order, drop = FALSE]
  map[c("b", "shift")] <- list(map$b[order], map$shift[order])
  map
}

difference_text <- function(calibration) {
  paste0(with_interval(round(calibration$difference[["estimate"]], 3L), round(calibration$difference[["low"]], 3L),
    round(calibration$difference[["high"]], 3L)), " by ", counted(calibration$cells, "cell"), " of ",
    counted(calibration$groups, "clone"))
}

# What fates say of their calibration; NULL without.
calibration_text <- function(x) {
  known <- x$calibration
  if (is.null(known)) {
    return(NULL)
  }
  if (known$form == "none") {
    return(paste0("not calibrated, as that would not help: cross-entropy of left-out clones changes by ",
      difference_text(known)))
  }
  weights <- known$weights
  how <- switch(known$form, temperature = "temperature", weights = "temperature and weights of fates",
    dirichlet = "a full map (Dirichlet)")
  c(
    paste0("calibrated by ", how, ": temperature ", format(known$temperature, digits = 3L),
      if (known$form != "temperature") paste0(", weights ", paste0(names(weights), " ", format_each(weights, 2L),
        collapse = ", "))),
    paste0("cross-entropy of left-out clones ", if (isTRUE(known$applied)) "of the cells that taught it ",
      paste(format_each(known$scores$cross.entropy, 3L), collapse = " to "), ", change ", difference_text(known))
  )
}
