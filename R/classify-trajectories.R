# Where paths end: each end state is labelled by the majority of the nearest labelled cells and the labels are
# counted. Takes trajectories and labelled cells; gives labels, votes and counts with intervals.

#' Classify the ends of trajectories
#'
#' The end of each path is given the label of the majority of the `k` nearest labelled cells.
#' Of labels with as many votes that of the nearest cell wins.
#' Ends at which no label has at least `min.vote` of the votes are `"ambiguous"`.
#'
#' @section Basic use:
#' ```
#' cells <- DefineFates(cells, labels = "type", exclude = "progenitor")
#' found <- ClassifyTrajectories(paths, reference = cells)
#' plot(found)
#' ```
#'
#' @section Counts and intervals:
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
#'   `NULL` takes those of [DefineFates()] in `reference`, as it does for `fates`, `exclude`, `k` and `weights`.
#' @param reference The labelled cells: a matrix (cells x dims) in the space of the trajectories, or the
#'   object that they came from.
#'   Of an object with a definition of fates its reference cells give the labels.
#' @param t.end Which of the stored times is the end; `NULL` takes the last.
#' @param among (strings) Labels whose cells give labels, such as terminal ones; `NULL` takes all.
#' @param fates,exclude (strings) Labels that count as fates, or those that do not; their shares among each other are
#'   given too, and of two also their ratio.
#'   `NULL` takes all labels.
#' @param k Nearest reference cells that label an end. Default `r doc_default("label", "k")`.
#' @param weights `"uniform"`: each has one vote; `"distance"`: near ones have more, by a Gaussian
#'   kernel of half the distance to the k-th. Default `r doc_default("label", "weights")`.
#' @param min.vote Least share of the votes of the label that wins; default 0.5, 0 leaves nothing ambiguous.
#' @param conf.level Of the intervals; default 0.95.
#' @param n.boot Bootstrap samples of the cells; default 1000.
#' @param seed.use Seed of the bootstrap; `NULL` draws one from R's generator.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param ... Not used.
#'
#' @return A result of class `fatefield_classes`, see [results], whose table has a row for each label: `n` paths, their
#'   `share`, and its intervals `share_low`, `share_high` (Wilson) and `share_boot_low`, `share_boot_high`.
#'   Its parts are
#'   \item{label}{Factor, one value per path; `NA` where the path could not be integrated.}
#'   \item{vote}{The share of the votes of that label, or the largest share where ambiguous.}
#'   \item{votes}{Matrix of all shares, paths x labels.}
#'   \item{distance}{Mean distance to the reference cells that gave the label.}
#'   \item{cell, sim, member}{As in the trajectories.}
#'   \item{fates}{The table among the fates alone.}
#'   \item{ratio}{Of two fates: `ratio`, the second over the first, with the same intervals.}
#'   \item{ends}{How many paths ended how, where trajectories tell it, see [IntegrateCells()].}
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
ClassifyTrajectories <- function(object, labels = NULL, reference = NULL, t.end = NULL, among = NULL, fates = NULL,
                                 exclude = NULL, k = NULL, weights = NULL, min.vote = 0.5, conf.level = 0.95,
                                 n.boot = 1000L, seed.use = 42L, threads = NULL, ...) {
  local_threads(threads)
  check_no_dots(names(formals(ClassifyTrajectories)), ...)
  check_trajectories(object)
  if (is.null(reference)) {
    stop_input("reference", "`reference` is needed: the labelled cells, a matrix (cells x dims) or an object.")
  }
  min.vote <- check_number(min.vote, "min.vote", min = 0, max = 1)
  conf.level <- check_number(conf.level, "conf.level", min = 0, max = 1)
  n.boot <- check_count(n.boot, "n.boot")
  cells <- background_cells(object, reference, "reference")
  definition <- fate_definition(reference, labels, fates, exclude, NULL, k, weights, "soft", 0)
  near <- near_trajectories(object)
  references <- class_references(cells, referring(definition, rownames(cells)), among, definition$options$label)
  counted <- counted_labels(references, definition$fates, definition$exclude)
  found <- classify_states(states_at(near, if (!is.null(t.end)) check_number(t.end, "t.end")), references, min.vote)
  tallies <- class_tallies(found$label, object$cell)
  draws <- bootstrap_draws(nrow(tallies), n.boot, seed_from(seed.use))
  among.fates <- share_table(tallies[, counted, drop = FALSE], draws, conf.level)
  ends <- object$paths$end
  new_result("classes", share_table(tallies, draws, conf.level), c(found, list(
    cell = object$cell, sim = object$sim, member = object$member, fates = among.fates,
    ratio = if (length(counted) == 2L) ratio_of(among.fates), ends = if (!is.null(ends)) table(droplevels(ends)),
    cols = definition$cols
  )), by = "label")
}

# The labels of the reference cells of a definition, NA for other cells.
referring <- function(definition, cells) {
  labels <- definition$labels
  if (!is.null(definition$reference)) labels[-check_cells(definition$reference, cells, "reference")] <- NA
  labels
}

# Labels that count as fates, by name.
counted_labels <- function(references, fates, exclude) {
  if (is.null(fates) && is.null(exclude)) {
    return(references$labels)
  }
  present <- function(x) if (!is.null(x)) check_among(x, references$known, if (is.null(fates)) "exclude" else "fates")
  if (!is.null(fates)) check_among(fates, references$labels, "fates")
  setdiff(if (is.null(fates)) references$labels else unique(fates), present(exclude))
}

# The labelled cells (cells x dims) ready for classify_states(). `options`: of the label, see vote_options(). Every end
# is labelled, however far from the cells it is.
class_references <- function(cells, labels, among, options) {
  labels <- check_labels(labels, "labels", nrow(cells))
  if (!is.null(among)) {
    labels[!labels %in% check_among(among, levels(labels), "among")] <- NA
    labels <- droplevels(labels)
  }
  label_references(cells, labels, NULL, list(label = options))
}

# list(label, vote, votes, distance) of states, n x dims.
classify_states <- function(states, references, min.vote) {
  found <- label_states(references$index, states, thread_count())
  votes <- found$probability
  colnames(votes) <- references$labels
  most <- votes[cbind(seq_len(nrow(votes)), found$label)]
  label <- factor(references$labels[found$label], levels = c(references$labels, "ambiguous"))
  label[!is.na(most) & most < min.vote] <- "ambiguous"
  list(label = label, vote = most, votes = votes, distance = found$distance)
}

# Paths of each cell by label, cells x labels.
class_tallies <- function(label, cell) {
  cell <- droplevels(cell)
  counts <- table(cell, label)
  matrix(as.numeric(counts), nrow(counts), dimnames = dimnames(unclass(counts)))
}

# Shares of the columns of `tallies`, with intervals: one row a label. `draws`: cells x bootstrap samples.
share_table <- function(tallies, draws, conf.level) {
  n <- colSums(tallies)
  total <- sum(n)
  z <- stats::qnorm((1 + conf.level) / 2)
  p <- if (total > 0) n / total else n * NA_real_
  middle <- (p + z^2 / (2 * total)) / (1 + z^2 / total)
  half <- z * sqrt(p * (1 - p) / total + z^2 / (4 * total^2)) / (1 + z^2 / total)
  sampled <- crossprod(draws, tallies)
  sampled <- sampled / rowSums(sampled)
  edge <- function(q) apply(sampled, 2L, stats::quantile, probs = q, na.rm = TRUE, names = FALSE)
  data.frame(
    label = factor(colnames(tallies), colnames(tallies)), n = n, share = p,
    share_low = ifelse(n > 0, pmax(0, middle - half), p),
    share_high = pmin(1, middle + half), share_boot_low = edge((1 - conf.level) / 2),
    share_boot_high = edge((1 + conf.level) / 2), row.names = NULL
  )
}

# The second row of a table of two shares over the first.
ratio_of <- function(table) {
  odds <- function(p) p / (1 - p)
  second <- table[2L, ]
  data.frame(
    fates = paste(rev(table$label), collapse = " / "), ratio = second$n / table$n[[1L]],
    ratio_low = odds(second$share_low), ratio_high = odds(second$share_high),
    ratio_boot_low = odds(second$share_boot_low), ratio_boot_high = odds(second$share_boot_high), row.names = NULL
  )
}

headline.fatefield_classes <- function(x) {
  table <- x$table[x$table$n > 0, , drop = FALSE]
  table <- table[order(-table$n), ]
  lost <- sum(is.na(x$label))
  open <- if (!is.null(x$ends) && "time ran out" %in% names(x$ends)) x$ends[["time ran out"]] else 0
  two <- x$fates
  c(
    paste0("ends of ", counted(length(x$label), "path"), " of ", counted(nlevels(droplevels(x$cell)), "cell"), ": ",
      paste0(utils::head(paste0(table$label, " ", table$n), 6L), collapse = ", ")),
    paste0("share of ", table$label[[1L]], " ",
      with_interval(table$share, table$share_boot_low, table$share_boot_high)[[1L]],
      if (!is.null(x$ratio) && two$n[[1L]] > 0) paste0("; ", paste(two$label, collapse = " : "), " = ",
        paste(two$n, collapse = " : "), " = 1 : ",
        with_interval(x$ratio$ratio, x$ratio$ratio_low, x$ratio$ratio_high))),
    if (lost > 0L || open > 0) paste(c(
      if (open > 0) paste0("time ran out for ", open, " paths, which have not arrived"),
      if (lost > 0L) paste0(lost, " could not be integrated to the end")
    ), collapse = "; ")
  )
}

#' @rdname ClassifyTrajectories
#' @export
summary.fatefield_classes <- function(object, ...) object$fates

#' @rdname ClassifyTrajectories
#' @param x Classes.
#' @export
plot.fatefield_classes <- function(x, ...) {
  check_no_dots("x", ...)
  table <- x$table[x$table$n > 0, , drop = FALSE]
  ggplot2::ggplot(table, ggplot2::aes(.data$share, .data$label, fill = .data$label)) +
    ggplot2::geom_col() +
    ggplot2::geom_errorbar(ggplot2::aes(xmin = .data$share_boot_low, xmax = .data$share_boot_high), width = 0.25) +
    scale_labels(levels(x$table$label), x$cols, "fill", guide = "none") +
    ggplot2::scale_y_discrete(limits = rev(as.character(table$label))) +
    ggplot2::labs(x = "share of the paths", y = NULL) + theme_curves()
}
