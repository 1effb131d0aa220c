/* SPDX-License-Identifier: MIT
 * The point between two points: structs go in and come out by value.
 */
struct point {
	double x, y;
};

struct point midpoint(struct point a, struct point b);

struct point midpoint(struct point a, struct point b)
{
	return (struct point){(a.x + b.x) / 2, (a.y + b.y) / 2};
}
