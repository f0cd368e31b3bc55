mod axis; pub mod data; pub mod log; pub mod markup; pub mod page; mod plot; mod plots; mod tables; pub mod thin;
