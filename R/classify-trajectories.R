# Where paths end: each end state is labelled by the majority of the nearest labelled cells and the labels are
# counted. Takes trajectories and labelled cells; gives labels, votes and counts with intervals.

#' Classify the ends of trajectories
#'
#' The end of each path is given the label of the majority of the `k` nearest labelled cells.
#' Of labels with as many votes that of the nearest cell wins.
#' Ends at which no label has at least `min.vote` of the votes are `"ambiguous"`.
#'
#' Paths of [IntegrateCells()] have one end for each cell, so that cells are what is counted.
#' Ends of paths along a velocity field are compared with cells in principal components of `log1p()` of its
#' genes.
#' Two intervals tell how sure the shares are: that of Wilson, which takes paths as independent, and the
#' bootstrap over cells, which keeps all paths of a cell together.
#' Neither knows how wrong the model is.
#' [PredictFate()] gives probabilities for each cell from many simulated futures instead.
#'
#' @param object [trajectories].
#' @param labels Labels of the cells of `reference`: a vector, or the name of a column of the object.
#'   `NA` and `""` mean unlabelled.
#' @param reference The labelled cells: a matrix (cells x dims) in the space of the trajectories, or the
#'   object that they came from.
#' @param time Which of the stored times is the end; `NULL` takes the last.
#' @param among (strings) Labels whose cells vote, such as terminal ones; `NULL` takes all.
#' @param fates (strings) Labels whose shares among each other are wanted too; of two also their ratio.
#' @param k Cells that vote; default 30.
#' @param weights `"uniform"` (default): each has one vote; `"distance"`: near ones have more, by a Gaussian
#'   kernel of half the distance to the k-th.
#' @param min.vote Least share of the votes of the label that wins; default 0.5, 0 leaves nothing ambiguous.
#' @param conf.level Of the intervals; default 0.95.
#' @param n.boot Bootstrap samples of the cells; default 1000.
#' @param seed.use Seed of the bootstrap; `NULL` draws one from R's generator.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param ... Not used.
#'
#' @return A list of class `fatefield_classes`:
#'   \item{label}{Factor, one value per path; `NA` where the path could not be integrated.}
#'   \item{vote}{The share of the votes of that label, or the largest share where ambiguous.}
#'   \item{votes}{Matrix of all shares, paths x labels.}
#'   \item{distance}{Mean distance to the cells that voted.}
#'   \item{cell, sim, member}{As in the trajectories.}
#'   \item{counts}{data.frame, one row per label: `n` paths, `share`, and its intervals `low`, `high`
#'     (Wilson) and `boot_low`, `boot_high`.}
#'   \item{fates}{The same among `fates` alone, where given.}
#'   \item{ratio}{Of two fates: `ratio`, the second over the first, with the same intervals.}
#' @section Errors:
#' `fatefield_error_input` names the argument: no labels, other dimensions than those of the
#' trajectories, `k` beyond the labelled cells, fates that no labelled cell has.
#' @references Wilson (1927) Probable inference, the law of succession, and statistical inference. Journal of
#'   the American Statistical Association 22.
#' @seealso [IntegrateCells()], [PredictFate()]
#' @examples
#' walk <- structure(
#'   list(
#'     states = array(c(0, 0, 0, -3, -2.9, 3), c(3, 1, 2)), times = c(0, 1),
#'     cell = factor(c("a", "b", "c")), sim = rep(1L, 3), member = rep(1L, 3),
#'     log_weights = matrix(0, 3, 2), reduction = NULL, dims = "x"
#'   ),
#'   class = "fatefield_trajectories"
#' )
#' reference <- matrix(c(seq(-3.5, -2.5, 0.1), seq(2.5, 3.5, 0.1)), ncol = 1)
#' ClassifyTrajectories(walk, labels = rep(c("left", "right"), each = 11), reference = reference, k = 5,
#'   fates = c("right", "left"))
#' @export
ClassifyTrajectories <- function(object, labels, reference, time = NULL, among = NULL, fates = NULL,
                                 k = 30L, weights = NULL, min.vote = 0.5, conf.level = 0.95,
                                 n.boot = 1000L, seed.use = 42L, threads = NULL, ...) {
  local_threads(threads)
  check_no_dots(names(formals(ClassifyTrajectories)), ...)
  check_trajectories(object)
  if (missing(labels) || is.null(labels)) stop_labels()
  if (missing(reference) || is.null(reference)) {
    stop_input("reference", "`reference` is needed: the labelled cells, a matrix (cells x dims) or an object.")
  }
  min.vote <- check_number(min.vote, "min.vote", min = 0, max = 1)
  conf.level <- check_number(conf.level, "conf.level", min = 0, max = 1)
  n.boot <- check_count(n.boot, "n.boot")
  cells <- background_cells(object, reference, "reference")
  object <- near_trajectories(object)
  voters <- class_voters(cells, label_column(reference, labels), among, k, weights)
  if (!is.null(fates)) fates <- check_among(fates, voters$labels, "fates")
  found <- classify_states(states_at(object, time), voters, min.vote)
  tallies <- class_tallies(found$label, object$cell)
  draws <- bootstrap_counts(nrow(tallies), n.boot, seed_from(seed.use))
  out <- c(found, list(cell = object$cell, sim = object$sim, member = object$member))
  out$counts <- share_table(tallies, draws, conf.level)
  if (!is.null(fates)) {
    out$fates <- share_table(tallies[, fates, drop = FALSE], draws, conf.level)
    if (length(fates) == 2L) out$ratio <- ratio_of(out$fates)
  }
  structure(out, class = "fatefield_classes")
}

# The labelled cells (cells x dims) that vote, ready for classify_states().
class_voters <- function(cells, labels, among, k, weights) {
  labels <- check_labels(labels, "labels", nrow(cells))
  if (!is.null(among)) {
    labels[!labels %in% check_among(among, levels(labels), "among")] <- NA
    labels <- droplevels(labels)
  }
  # Every end is labelled, however far from the cells it is.
  label_voters(cells, labels, NULL, vote_options(k, weights, "soft", 0, NULL, NULL))
}

# list(label, vote, votes, distance) of states, n x dims.
classify_states <- function(states, voters, min.vote) {
  found <- label_states(voters$index, states, thread_count())
  votes <- found$probability
  colnames(votes) <- voters$labels
  most <- votes[cbind(seq_len(nrow(votes)), found$label)]
  label <- factor(voters$labels[found$label], levels = c(voters$labels, "ambiguous"))
  label[!is.na(most) & most < min.vote] <- "ambiguous"
  list(label = label, vote = most, votes = votes, distance = found$distance)
}

# Paths of each cell by label, cells x labels.
class_tallies <- function(label, cell) {
  cell <- droplevels(cell)
  counts <- table(cell, label)
  matrix(as.numeric(counts), nrow(counts), dimnames = dimnames(unclass(counts)))
}

# Shares of the columns of `tallies`, with intervals. `draws`: cells x bootstrap samples.
share_table <- function(tallies, draws, conf.level) {
  n <- colSums(tallies)
  total <- sum(n)
  z <- stats::qnorm((1 + conf.level) / 2)
  p <- n / total
  middle <- (p + z^2 / (2 * total)) / (1 + z^2 / total)
  half <- z * sqrt(p * (1 - p) / total + z^2 / (4 * total^2)) / (1 + z^2 / total)
  sampled <- crossprod(draws, tallies)
  sampled <- sampled / rowSums(sampled)
  edge <- function(q) apply(sampled, 2L, stats::quantile, probs = q, na.rm = TRUE, names = FALSE)
  data.frame(
    n = n, share = p, low = pmax(0, middle - half), high = pmin(1, middle + half),
    boot_low = edge((1 - conf.level) / 2), boot_high = edge((1 + conf.level) / 2),
    row.names = colnames(tallies)
  )
}

# The second row of a table of two shares over the first.
ratio_of <- function(table) {
  odds <- function(p) p / (1 - p)
  second <- table[2L, ]
  data.frame(
    ratio = second$n / table$n[[1L]], low = odds(second$low), high = odds(second$high),
    boot_low = odds(second$boot_low), boot_high = odds(second$boot_high),
    row.names = paste(rev(rownames(table)), collapse = " / ")
  )
}

#' @export
print.fatefield_classes <- function(x, ...) {
  cat("ends of ", length(x$label), " paths of ", nlevels(droplevels(x$cell)), " cells\n", sep = "")
  shown <- x$counts[x$counts$n > 0, , drop = FALSE]
  print(data.frame(n = shown$n, round(shown[-1L], 3L), row.names = rownames(shown)))
  lost <- sum(is.na(x$label))
  if (lost > 0L) cat(lost, " could not be integrated to the end\n", sep = "")
  if (!is.null(x$ratio)) {
    two <- x$fates
    cat(paste(rownames(two), collapse = " : "), " = ", paste(two$n, collapse = " : "), " = 1 : ",
      format(x$ratio$ratio, digits = 3L), " (", format(x$ratio$low, digits = 3L), " to ",
      format(x$ratio$high, digits = 3L), ")\n", sep = "")
  }
  invisible(x)
}
