# The map p' = softmax(W log p + b) from predicted to calibrated probabilities: its fit to observed fates by Newton's
# method, its choice across groups, its error. Takes logarithms of probabilities `z` and observed fractions `q`, both
# cells x fates; gives maps. Rows of `q` sum to 1.
#
# Three nested forms, each a convex problem:
#   temperature   W = I / T, b = 0
#   weights       W = I / T, b free with a ridge
#   dirichlet     W = I / T + D, D and b free with ridges of their own; b is told at the mean of z, where D is nothing
# A ridge counts in nats of the sum over all cells. 1 / T has a ridge of 1 towards 1, so that it is finite where
# predictions are always right.
#
# A map is a list(form, W, b), with `beta` (1 / T) and `shift` (b at the mean of z).

calibration_forms <- c("none", "temperature", "weights", "dirichlet")

# No map turns predictions around: beta is at least this.
least_beta <- 0.01

# What is tried, from the plainest on. `form`: "none" changes nothing.
calibration_candidates <- function(forms = calibration_forms) {
  all <- rbind(
    data.frame(form = c("none", "temperature"), ridge.b = 0, ridge = 0),
    data.frame(form = "weights", ridge.b = c(10, 1, 0.1), ridge = 0),
    data.frame(form = "dirichlet", ridge.b = 1, ridge = c(100, 10, 1))
  )
  all[all$form %in% forms, , drop = FALSE]
}

softmax_rows <- function(eta) {
  p <- exp(eta - eta[cbind(seq_len(nrow(eta)), max.col(eta, "first"))])
  p / rowSums(p)
}

# sum(-q log softmax(eta)) of each row.
cross_entropies <- function(eta, q) {
  top <- eta[cbind(seq_len(nrow(eta)), max.col(eta, "first"))]
  top + log(rowSums(exp(eta - top))) - rowSums(q * eta)
}

map_logits <- function(map, z) {
  if (map$form == "none") z else tcrossprod(z, map$W) + rep(map$b, each = nrow(z))
}

apply_map <- function(map, z) softmax_rows(map_logits(map, z))

map_losses <- function(map, z, q) cross_entropies(map_logits(map, z), q)

identity_map <- function(k) {
  list(form = "none", W = diag(k), b = numeric(k), beta = 1, shift = numeric(k))
}

# The parameters of a form: those of a class stand together, first its row of W, then its b, for z less `center`.
# `basis`: from the free parameters to these, NULL where all are free; `ridge`: a quadratic form around `start`, both of
# the free ones; `root`: a factor of it.
form_space <- function(form, ridge.b, ridge, center) {
  k <- length(center)
  at.w <- outer(seq_len(k), seq_len(k), function(row, col) (row - 1) * (k + 1) + col)
  at.b <- seq_len(k) * (k + 1)
  # beta and its part in b: W = beta I moves by beta z, which is beta (z - center) + beta center.
  scaled <- numeric(k * (k + 1))
  scaled[diag(at.w)] <- 1
  scaled[at.b] <- center
  if (form != "dirichlet") {
    basis <- cbind(scaled, if (form == "weights") diag(k * (k + 1))[, at.b, drop = FALSE])
    free <- ncol(basis)
    root <- diag(sqrt(c(1, rep(ridge.b, free - 1L))), free)
    return(list(form = form, basis = unname(basis), ridge = root^2, root = root, start = c(1, numeric(free - 1L)),
      center = center))
  }
  beta <- numeric(k * (k + 1))
  beta[diag(at.w)] <- 1 / k
  # What is left of W and b without beta.
  less <- diag(k * (k + 1)) - outer(scaled, beta)
  size <- numeric(k * (k + 1))
  size[at.w] <- ridge
  size[at.b] <- ridge.b
  root <- cbind(t(sqrt(size) * less), beta, deparse.level = 0L)
  list(form = form, basis = NULL, ridge = tcrossprod(root), root = root, start = scaled, center = center)
}

# list(value, gradient, hessian) of the sum of cross-entropies over rows with weights `w` and the ridge.
map_loss <- function(theta, space, z, q, w, hessian = TRUE) {
  k <- ncol(z)
  x <- cbind(z - rep(space$center, each = nrow(z)), 1)
  full <- if (is.null(space$basis)) theta else drop(space$basis %*% theta)
  eta <- x %*% matrix(full, k + 1)
  p <- softmax_rows(eta)
  off <- theta - space$start
  slope <- as.vector(crossprod(x, w * (p - q)))
  gradient <- if (is.null(space$basis)) slope else drop(crossprod(space$basis, slope))
  list(
    value = sum(w * cross_entropies(eta, q)) + sum(off * (space$ridge %*% off)) / 2,
    gradient = gradient + drop(space$ridge %*% off),
    hessian = if (hessian) map_curvature(space, x, z, p, w) + space$ridge
  )
}

# Second derivatives without the ridge.
map_curvature <- function(space, x, z, p, w) {
  k <- ncol(p)
  if (is.null(space$basis)) {
    each <- p[, rep(seq_len(k), each = k + 1L), drop = FALSE] * x[, rep(seq_len(k + 1L), k), drop = FALSE]
    out <- -crossprod(each, w * each)
    for (f in seq_len(k)) {
      own <- (f - 1L) * (k + 1L) + seq_len(k + 1L)
      out[own, own] <- out[own, own] + crossprod(x, w * p[, f] * x)
    }
    return(out)
  }
  mean <- rowSums(p * z)
  beta <- sum(w * (rowSums(p * z^2) - mean^2))
  if (space$form == "temperature") {
    return(matrix(beta))
  }
  cross <- colSums(w * p * (z - mean))
  rbind(c(beta, cross), cbind(cross, diag(colSums(w * p), k) - crossprod(p, w * p)))
}

# The map of a form. `w`: weights of the rows; `start`: free parameters to begin with. Its element `fit` has what
# map_errors() needs.
fit_map <- function(form, z, q, w = rep(1, nrow(z)), ridge.b = 1, ridge = 10, start = NULL) {
  if (form == "none") {
    return(identity_map(ncol(z)))
  }
  space <- form_space(form, ridge.b, ridge, colSums(w * z) / sum(w))
  theta <- if (is.null(start)) space$start else start
  fixed <- integer()
  repeat {
    theta <- newton(theta, space, z, q, w, fixed)
    if (form == "dirichlet" || length(fixed) > 0L || theta[[1L]] >= least_beta) break
    fixed <- 1L
    theta[[1L]] <- least_beta
  }
  c(map_of(theta, space), list(fit = list(theta = theta, space = space, fixed = fixed)))
}

# The minimum of a convex loss, by damped Newton steps.
newton <- function(theta, space, z, q, w, fixed, most = 50L) {
  free <- setdiff(seq_along(theta), fixed)
  if (length(free) == 0L) {
    return(theta)
  }
  now <- map_loss(theta, space, z, q, w)
  for (i in seq_len(most)) {
    step <- numeric(length(theta))
    step[free] <- solve_ridged(now$hessian[free, free, drop = FALSE], now$gradient[free])
    gain <- sum(step * now$gradient)
    # So near that the last step is right to rounding.
    if (gain < 1e-10 * (1 + abs(now$value))) {
      theta <- theta - step
      break
    }
    size <- 1
    repeat {
      value <- map_loss(theta - size * step, space, z, q, w, hessian = FALSE)$value
      if (is.finite(value) && value <= now$value - 1e-4 * size * gain) break
      size <- size / 2
      if (size < 1e-8) break
    }
    if (size < 1e-8) break
    theta <- theta - size * step
    now <- map_loss(theta, space, z, q, w)
  }
  theta
}

# Directions that no cell tells of and no ridge holds are left as they are.
solve_ridged <- function(a, b) {
  solve(a + diag(1e-9 * (mean(diag(a)) + 1), nrow(a)), b, tol = 0)
}

# `theta`: free parameters.
map_of <- function(theta, space) {
  full <- if (is.null(space$basis)) theta else drop(space$basis %*% theta)
  k <- length(space$center)
  full <- t(matrix(full, k + 1L))
  W <- full[, seq_len(k), drop = FALSE]
  beta <- mean(diag(W))
  shift <- full[, k + 1L] - beta * space$center
  list(form = space$form, W = W, b = full[, k + 1L] - drop(W %*% space$center), beta = beta,
    shift = shift - mean(shift))
}

# Bootstrap samples of a map, groups drawn: list of maps without `fit`. Each is one Newton step away, which is all there
# is to first order. A ridge holds together samples that are all off alike; so its centre is drawn, too, which makes
# intervals those of Bayes' theorem where cells are independent, and right on average (Nychka 1988).
# `draws`: groups x samples, how often each is drawn; `rows`: those that the map was fitted to.
map_draws <- function(map, z, q, group, draws, rows, seed) {
  if (map$form == "none") {
    return(rep(list(map), ncol(draws)))
  }
  space <- map$fit$space
  z <- z[rows, , drop = FALSE]
  x <- cbind(z - rep(space$center, each = nrow(z)), 1)
  r <- apply_map(map, z) - q[rows, , drop = FALSE]
  k <- ncol(z)
  each <- r[, rep(seq_len(k), each = k + 1L), drop = FALSE] * x[, rep(seq_len(k + 1L), k), drop = FALSE]
  if (!is.null(space$basis)) each <- each %*% space$basis
  known <- sort(unique(group[rows]))
  sums <- rowsum(each, match(group[rows], known))
  free <- setdiff(seq_along(map$fit$theta), map$fit$fixed)
  n <- length(known)
  curve <- map_loss(map$fit$theta, space, z, q[rows, , drop = FALSE], rep(1, nrow(z)))$hessian
  # A sample of n groups varies by (n - 1) / n too little.
  slope <- crossprod(sums, draws[known, , drop = FALSE] - 1) * sqrt(n / max(n - 1, 1)) +
    space$root %*% random_signs(ncol(space$root), ncol(draws), seed)
  steps <- slope * 0
  if (length(free) > 0L) steps[free, ] <- solve_ridged(curve[free, free, drop = FALSE], slope[free, , drop = FALSE])
  apply(map$fit$theta - steps, 2L, map_of, space = space, simplify = FALSE)
}

# list(se, low, high), cells x fates: standard error of what `map` gives, and the interval of level `conf.level`, even
# on the scale of log odds. `errors`: list(draws, rivals, shares), samples of the map, the maps of other candidates and
# how likely each of these would have served better; `groups`: from how many groups.
map_errors <- function(map, z, errors, groups, conf.level) {
  p <- apply_map(map, z)
  if (length(errors$draws) < 2L) {
    none <- p * NA
    return(list(se = none, low = none, high = none))
  }
  odds <- stats::qlogis(p)
  plain <- even <- p * 0
  maps <- c(errors$draws, errors$rivals)
  parts <- c(rep(1 / length(errors$draws), length(errors$draws)), errors$shares)
  for (i in which(parts > 1e-3 | seq_along(parts) <= length(errors$draws))) {
    other <- apply_map(maps[[i]], z)
    plain <- plain + parts[[i]] * (other - p)^2
    even <- even + parts[[i]] * pmin((stats::qlogis(other) - odds)^2, 1e4)
  }
  half <- stats::qt((1 + conf.level) / 2, max(groups - 1, 1)) * sqrt(even)
  list(se = sqrt(plain), low = stats::plogis(odds - half), high = stats::plogis(odds + half))
}

# Maps that did not see some folds, and the choice among candidates by these alone. `fold`: a number for each row.
# `map` of the list is of all rows, `maps` one a fold, whose candidate is chosen within the others, so that nothing in
# its rows has a part in what they are given; `before` and `after` are the losses of the rows, `shares` how likely each
# candidate is by the losses that it had. `rivals(m)`: the maps of all candidates for fold m, for 0 those of all rows.
cross_fit <- function(z, q, fold, candidates) {
  folds <- sort(unique(fold))
  without <- function(out) which(!fold %in% out)
  whole <- lapply(seq_len(nrow(candidates)), function(i) fit_candidate(candidates[i, ], z, q, seq_len(nrow(z))))
  # Fits begin where that of all rows ended: the minimum is the same from anywhere.
  fit <- function(i, out) fit_candidate(candidates[i, ], z, q, without(out), whole[[i]])
  each <- lapply(seq_len(nrow(candidates)), function(i) lapply(folds, function(f) fit(i, f)))
  losses <- vapply(each, function(maps) {
    out <- numeric(nrow(z))
    for (f in seq_along(folds)) {
      rows <- which(fold == folds[[f]])
      out[rows] <- map_losses(maps[[f]], z[rows, , drop = FALSE], q[rows, , drop = FALSE])
    }
    out
  }, numeric(nrow(z)))
  losses <- matrix(losses, nrow(z))
  chosen <- choose_within(fit, z, q, fold, folds, nrow(candidates))
  pick <- which.min(colMeans(losses))
  list(
    map = whole[[pick]], choice = candidates[pick, ], chosen = candidates$form[chosen],
    maps = lapply(seq_along(folds), function(f) each[[chosen[[f]]]][[f]]), folds = folds,
    tried = data.frame(candidates, cross.entropy = colMeans(losses), row.names = NULL),
    shares = losses_to_shares(colSums(losses)),
    rivals = function(m) if (m == 0L) whole else lapply(each, `[[`, m),
    before = cross_entropies(z, q), after = losses[cbind(seq_len(nrow(z)), chosen[match(fold, folds)])]
  )
}

# Weights of pseudo-Bayesian model averaging, from losses of left-out rows in nats.
losses_to_shares <- function(losses) {
  share <- exp(min(losses) - losses)
  share / sum(share)
}

# `near`: the map of all rows.
fit_candidate <- function(candidate, z, q, rows, near = NULL) {
  fit_map(candidate$form, z[rows, , drop = FALSE], q[rows, , drop = FALSE], ridge.b = candidate$ridge.b,
    ridge = candidate$ridge, start = near$fit$theta)
}

# For each fold the candidate with the least cross-entropy across the other folds.
choose_within <- function(fit, z, q, fold, folds, n) {
  if (n == 1L) {
    return(rep(1L, length(folds)))
  }
  sums <- array(0, c(length(folds), n))
  for (a in seq_along(folds)[-1L]) {
    for (b in seq_len(a - 1L)) {
      for (i in seq_len(n)) {
        map <- fit(i, folds[c(a, b)])
        loss <- function(f) {
          rows <- which(fold == folds[[f]])
          sum(map_losses(map, z[rows, , drop = FALSE], q[rows, , drop = FALSE]))
        }
        # The loss of one is what the other, left out with it, may know.
        sums[a, i] <- sums[a, i] + loss(b)
        sums[b, i] <- sums[b, i] + loss(a)
      }
    }
  }
  max.col(-sums, "first")
}
