# Draws a network of genes: hubs of each module and the strongest edges between them.

#' Plot a network of genes
#'
#' The hubs of each module are drawn, larger the more closely they follow their module, with the strongest edges
#' between them.
#' Places are found by forces, from a fixed start, so that the same network gives the same picture.
#'
#' @param object A network from [CoexpressionNetwork()].
#' @param modules (strings) Modules to draw; `NULL` takes the 8 largest.
#' @param n.hubs Genes of each module; default 15.
#' @param n.edges Strongest edges of each gene; default 3.
#' @param n.labels Hubs of each module that are named; default 5.
#' @param genes (strings) Further genes to draw and name.
#' @param ... Not used.
#' @return A ggplot.
#' @section Errors:
#' `fatefield_error_input`: no network, no such module or gene, a network without modules.
#' @seealso [CoexpressionNetwork()]
#' @examples
#' noise <- sin(outer(1:200, 1:40, function(i, j) i * sqrt(j + 50)))
#' x <- 2 + cbind(sin(1:200), cos(1:200 * 1.7))[, rep(1:2, 20)] + noise / 2
#' colnames(x) <- paste0("g", 1:40)
#' PlotNetwork(CoexpressionNetwork(x, transform = "none", verbose = FALSE))
#' @export
PlotNetwork <- function(object, modules = NULL, n.hubs = 15L, n.edges = 3L, n.labels = 5L, genes = NULL, ...) {
  check_no_dots(names(formals(PlotNetwork)), ...)
  if (!inherits(object, "fatefield_network")) {
    stop_input("object", "`object` must be a network from CoexpressionNetwork(), not ", described(object), ".")
  }
  if (nrow(object$modules) == 0L) stop_input("object", "`object` has no modules to draw.")
  present <- object$modules$module
  modules <- if (is.null(modules)) utils::head(present, 8L) else check_modules(modules, present)
  n.hubs <- check_count(n.hubs, "n.hubs")
  n.labels <- check_count(n.labels, "n.labels", min = 0L)
  table <- object$genes
  if (!is.null(genes)) genes <- known_genes(genes, table$gene)
  shown <- which((table$module %in% modules & table$rank <= n.hubs) | table$gene %in% genes)
  nodes <- table[shown, ]
  edges <- strong_edges(object$graph[shown, shown], check_count(n.edges, "n.edges"))
  place <- force_layout(edges, start_places(nodes, modules), length(shown))
  nodes$x <- place[, 1L]
  nodes$y <- place[, 2L]
  nodes$label <- ifelse((!is.na(nodes$rank) & nodes$rank <= n.labels) | nodes$gene %in% genes, nodes$gene, "")
  draw_network(nodes, edges, modules)
}

check_modules <- function(modules, present) {
  lost <- setdiff(modules, present)
  if (length(lost) > 0L) {
    stop_input("modules", "`modules`: there is no module ", quoted(lost[[1L]]), "; there are ", quoted(present), ".")
  }
  unique(modules)
}

# The strongest edges of each node: data.frame(from, to, weight, share), each pair once.
strong_edges <- function(graph, n.edges) {
  all <- data.frame(from = graph@i + 1L, to = columns_of(graph), weight = graph@x)
  all <- all[order(all$to, -all$weight), ]
  all <- all[sequence(rle(all$to)$lengths) <= n.edges, ]
  pairs <- unique(data.frame(from = pmin(all$from, all$to), to = pmax(all$from, all$to), weight = all$weight))
  pairs$share <- if (nrow(pairs) > 0L) pairs$weight / max(pairs$weight) else numeric()
  pairs
}

# Modules on a circle, genes of a module on a small one around its place, hubs first.
start_places <- function(nodes, modules) {
  m <- match(nodes$module, modules, nomatch = length(modules) + 1L)
  centre <- 2 * pi * m / max(m)
  within <- stats::ave(m, m, FUN = seq_along)
  angle <- within * pi * (3 - sqrt(5))
  radius <- 0.12 * sqrt(within)
  cbind(1.6 * cos(centre) + radius * cos(angle), 1.6 * sin(centre) + radius * sin(angle))
}

# Nodes push each other off with the square of the ideal distance over theirs, edges pull with the square of
# their length (Fruchterman and Reingold, Software 21, 1991), while steps become smaller. All are drawn to the
# middle, else parts without edges between them would fly apart.
force_layout <- function(edges, place, n, n.iter = 150L) {
  if (n < 2L) {
    return(place)
  }
  ideal <- 2 / sqrt(n)
  for (heat in seq(0.1, 0.002, length.out = n.iter)) {
    dx <- outer(place[, 1L], place[, 1L], `-`)
    dy <- outer(place[, 2L], place[, 2L], `-`)
    d2 <- pmax(dx^2 + dy^2, 1e-6)
    move <- cbind(rowSums(dx / d2), rowSums(dy / d2)) * ideal^2
    along <- place[edges$from, , drop = FALSE] - place[edges$to, , drop = FALSE]
    pull <- along * sqrt(rowSums(along^2)) / ideal * edges$share / 4
    move <- move - sum_rows(pull, edges$from, n) + sum_rows(pull, edges$to, n) - 0.5 * place
    length <- sqrt(rowSums(move^2))
    place <- place + move * pmin(1, heat / pmax(length, 1e-12))
  }
  place
}

sum_rows <- function(x, at, n) {
  out <- matrix(0, n, ncol(x))
  sums <- rowsum(x, at)
  out[as.integer(rownames(sums)), ] <- sums
  out
}

draw_network <- function(nodes, edges, modules) {
  lines <- data.frame(
    x = nodes$x[edges$from], y = nodes$y[edges$from], xend = nodes$x[edges$to], yend = nodes$y[edges$to],
    share = edges$share
  )
  nodes$module <- factor(nodes$module, levels = modules)
  nodes$size <- ifelse(is.na(nodes$kME), 0.3, pmax(nodes$kME, 0))
  ggplot2::ggplot(nodes, ggplot2::aes(.data$x, .data$y)) +
    ggplot2::geom_segment(
      data = lines, ggplot2::aes(xend = .data$xend, yend = .data$yend, alpha = .data$share), colour = "grey45",
      linewidth = 0.35
    ) +
    ggplot2::geom_point(ggplot2::aes(colour = .data$module, size = .data$size)) +
    ggplot2::geom_text(
      data = nodes[order(nodes$rank), ][nodes$label[order(nodes$rank)] != "", ], ggplot2::aes(label = .data$label),
      size = 2.9, vjust = -0.9, check_overlap = TRUE
    ) +
    scale_labels(modules) +
    ggplot2::scale_size_continuous(name = "kME", range = c(0.8, 4)) +
    ggplot2::scale_alpha_continuous(range = c(0.1, 0.7), guide = "none") +
    ggplot2::labs(x = NULL, y = NULL) + ggplot2::coord_equal(clip = "off") + big_key() + theme_cells() +
    ggplot2::theme(axis.line = ggplot2::element_blank())
}
